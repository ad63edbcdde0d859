"""Bad input at every door: a clear error with its code and a hint, nothing of the machine in it, nothing changed."""

from __future__ import annotations

import base64
import io
import json
import pickle
import zipfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from onnx import ModelProto, TensorProto

from sightloop.errors import CODES, SightloopError
from sightloop.inference import Bundle
from sightloop.interfaces.sdk import Workspace
from tests.journeys.small_world import SmallWorld, small_world
from tests.specs.serving.small_model import small_bundle

MACHINE = ("Traceback", "site-packages", "/work", "/tmp", "/home", ".py")
GOOD = small_bundle()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallWorld]:
    with small_world(tmp_path_factory.mktemp("world")) as opened:
        yield opened


@pytest.fixture
def unchanged(world: SmallWorld) -> Iterator[SmallWorld]:
    """The world; asserts that afterwards it is as it was."""
    before = world.state()
    yield world
    assert world.state() == before


def assert_clear(problem: dict[str, Any], code: str, word: str) -> None:
    """A problem document of this code that says the word, gives a hint and shows nothing of the machine."""
    assert problem["code"] == code, problem
    assert problem["status"] == CODES[code].status
    assert word in problem["detail"] + problem["hint"]
    assert problem["hint"]
    assert [sign for sign in MACHINE if sign in json.dumps(problem)] == []


Call = Callable[[Workspace], Any]


def refused(call: Call, world: SmallWorld, code: str, word: str) -> None:
    with pytest.raises(SightloopError) as raised:
        call(world.ws)
    assert_clear(raised.value.problem(), code, word)


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def coco(**changes: Any) -> bytes:
    return json.dumps({"images": [], "annotations": [], "categories": [], **changes}).encode()


SDK: dict[str, tuple[Call, str, str]] = {
    "a folder that is not there": (lambda ws: ws.ingest("nowhere-at-all"), "not_found", "does not exist"),
    "a facet named like a field": (
        lambda ws: ws.ingest(".", metadata={"a.png": {"kind": "mono"}}), "invalid_input", '"kind"'),
    "a facet that is a list": (
        lambda ws: ws.ingest(".", metadata={"a.png": {"line": [1, 2]}}), "invalid_input", '"line"'),
    "a filter on an unknown field": (
        lambda ws: list(ws.samples.list(where={"colour": "red"})), "invalid_input", "colour"),
    "an unknown sample": (lambda ws: ws.samples.get("smp_none"), "not_found", "smp_none"),
    "a search for nothing": (lambda ws: ws.samples.search(), "invalid_input", "sample or an image"),
    "a search for what is no image": (lambda ws: ws.samples.search(image=b"text"), "invalid_media", "image"),
    "a schema with one class twice": (lambda ws: ws.schemas.create("cells", ["ok", "ok"]), "invalid_input", "ok"),
    "an unknown dataset": (lambda ws: ws.datasets.get("cell"), "not_found", "cells"),
    "an unknown version": (lambda ws: ws.datasets.version("cells@9"), "not_found", "9"),
    "splits that are no shares": (
        lambda ws: ws.datasets.commit("cells", where={}, splits={"train": 0.9, "test": 0.9}), "invalid_input", "1"),
    "a label outside the schema": (
        lambda ws: ws.labels.import_("cells", {next(ws.samples.list()).id: "purple"}), "invalid_input", "purple"),
    "a label row with a strange field": (
        lambda ws: ws.labels.import_("cells", [{"nome": "a.png", "label": "dark"}]), "invalid_input", "nome"),
    "an unknown label format": (lambda ws: ws.labels.import_("cells", b"x", format="cocoa"), "not_found", "cocoa"),
    "a CSV without its columns": (lambda ws: ws.labels.import_("cells", b"a,b\n1,2\n"), "invalid_input", "label"),
    "a CSV of bytes": (lambda ws: ws.labels.import_("cells", b"\xff\xfe\x00\x01"), "invalid_input", "CSV"),
    "a COCO file that is cut": (
        lambda ws: ws.labels.import_("cells", coco()[:20], format="coco"), "invalid_input", "COCO"),
    "a COCO file of a wrong shape": (
        lambda ws: ws.labels.import_("cells", coco(images=7), format="coco"), "invalid_input", "COCO"),
    "an import archive that climbs": (
        lambda ws: ws.labels.import_("cells", zipped(**{"../../dark/a.png": b"x"}), format="folder"),
        "invalid_input", "outside"),
    "an import archive that is cut": (
        lambda ws: ws.labels.import_("cells", zipped(**{"dark/a.png": b"x" * 999})[:200], format="folder"),
        "invalid_input", "archive"),
    "a campaign with nothing to label": (
        lambda ws: ws.campaigns.start(name="none", schema="cells", samples=[one.id for one in ws.samples.list()]),
        "not_enough_data", "labelled already"),
    "an answer to nothing": (lambda ws: ws.queue.answer("itm_none", "accept"), "not_found", "itm_none"),
    "a recipe with a wrong field": (
        lambda ws: ws.train({"epochs": 3}, model="m", dataset="cells", test="cells"), "invalid_recipe", "epochs"),
    "a recipe with a wrong value": (lambda ws: ws.check_recipe({"seed": -1}), "invalid_recipe", "seed"),
    "training of a name with a space": (
        lambda ws: ws.train({}, model="my model", dataset="cells", test="cells"), "invalid_input", "my model"),
    "training with an unknown test version": (
        lambda ws: ws.train({}, model="m", dataset="cells", test="cells@4"), "not_found", "cells"),
    "a gate of an unknown model": (lambda ws: ws.models.gate("nomodel@1"), "not_found", "nomodel"),
    "a deployment of an unknown model": (
        lambda ws: ws.deployments.deploy("line-1", model="nomodel"), "not_found", "nomodel"),
    "a prediction of no deployment": (lambda ws: ws.deployments.predict("line-9", b"x"), "not_found", "line-9"),
    "a policy that is no YAML": (lambda ws: ws.policies.apply("name: [x"), "invalid_policy", "YAML"),
    "a policy with a wrong field": (lambda ws: ws.policies.apply("name: p\non: noon"), "invalid_policy", "watch"),
    "a policy that refers to itself": (lambda ws: ws.policies.apply("name: &a [*a]"), "invalid_policy", "anchor"),
    "a key for an unknown role": (lambda ws: ws.keys.create("king"), "invalid_input", "viewer"),
    "a webhook into this machine": (
        lambda ws: ws.webhooks.create("http://127.0.0.1/x", events=["sightloop.alert.raised"]),
        "refused", "egress_allow"),
    "lineage of a word": (lambda ws: ws.lineage.show("everything"), "not_found", "everything"),
}  # fmt: skip


@pytest.mark.parametrize("case", SDK)
def test_the_sdk_refuses(case: str, unchanged: SmallWorld) -> None:
    refused(SDK[case][0], unchanged, *SDK[case][1:])


def test_an_archive_that_climbs_out_is_not_ingested(unchanged: SmallWorld, tmp_path: Path) -> None:
    archive = tmp_path / "evil.zip"
    archive.write_bytes(zipped(**{"../../evil.png": b"x"}))
    refused(lambda ws: ws.ingest(archive), unchanged, "invalid_input", "outside")


def exchanged(alter: Callable[[Any], object]) -> bytes:
    """The good bundle with another graph, and a manifest that fits it."""
    model = ModelProto.FromString(GOOD.onnx)
    alter(model)
    onnx = model.SerializeToString()
    facts = {"onnx_sha256": sha256(onnx).hexdigest(), "onnx_bytes": len(onnx)}
    return Bundle(GOOD.manifest.model_copy(update=facts), onnx).to_archive()


def point_outside(model: Any) -> None:
    tensor = next(one for one in model.graph.initializer if one.name == "head")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")


def call_foreign_code(model: Any) -> None:
    model.opset_import.add(domain="com.evil", version=1)
    model.graph.node[0].domain = "com.evil"


BUNDLES = {
    "a pickle under another name": (pickle.dumps({"weights": [1.0]}), "ZIP"),
    "a member that climbs": (zipped(**{"manifest.json": b"{}", "model.onnx": b"", "../../evil": b""}), "nothing else"),
    "half of one": (GOOD.to_archive()[:500], "ZIP"),
    "nothing": (b"", "ZIP"),
    "tensors outside the file": (exchanged(point_outside), "outside the file"),
    "operators of a stranger": (exchanged(call_foreign_code), "outside the standard"),
}


@pytest.mark.parametrize("case", BUNDLES)
def test_a_bundle_is_refused(case: str, unchanged: SmallWorld) -> None:
    archive, word = BUNDLES[case]
    refused(lambda ws: ws.models.import_("evil", archive, test="cells@1"), unchanged, "invalid_bundle", word)


REST: dict[str, tuple[Callable[[httpx.Client], httpx.Response], str, str]] = {
    "no such route": (lambda http: http.get("nothing"), "not_found", "no route"),
    "a body that is no JSON": (
        lambda http: http.post("datasets", content=b"{", headers={"Content-Type": "application/json"}),
        "invalid_input", "JSON"),
    "a body with a strange field": (
        lambda http: http.post("datasets", json={"name": "x", "schema": "cells", "colour": 1}),
        "invalid_input", "colour"),
    "a page of minus one": (lambda http: http.get("samples", params={"limit": -1}), "invalid_input", "limit"),
    "a filter that is no JSON": (lambda http: http.get("samples", params={"where": "{"}), "invalid_input", "filter"),
    "an image that is not base64": (
        lambda http: http.post("samples/search", json={"image": "*"}), "invalid_input", "base64"),
    "an image that is none": (
        lambda http: http.post("samples/search", json={"image": base64.b64encode(b"x").decode()}),
        "invalid_media", "image"),
    "an upload without a name": (lambda http: http.post("uploads", content=b"x"), "invalid_input", "name"),
    "an ingest of an unknown kind": (
        lambda http: http.post("ingests", json={"source": {"kind": "ftp"}}), "not_found", "ftp"),
    "an ingest of uploads without files": (
        lambda http: http.post("ingests", json={"source": {"kind": "upload"}}), "invalid_input", "files"),
    "a bundle without a test version": (
        lambda http: http.post("models/m/versions", content=GOOD.to_archive()), "invalid_input", "test"),
    "a bundle that is none": (
        lambda http: http.post("models/m/versions", params={"test": "cells@1"}, content=b"x"), "invalid_bundle", "ZIP"),
    "a gate with a margin of two": (
        lambda http: http.post("gates", json={"challenger": "m@1", "margin": 2}), "invalid_input", "margin"),
    "a key that is wrong": (
        lambda http: http.get("status", headers={"Authorization": "Bearer sl_wrong"}), "unauthenticated", "key"),
    "a workspace that is not there": (
        lambda http: http.get("status", headers={"Sightloop-Workspace": "mars"}), "not_found", "mars"),
    "a policy of bytes": (lambda http: http.post("policies", content=b"\xff\x00\xfe"), "invalid_policy", "policy"),
}  # fmt: skip


@pytest.mark.parametrize("case", REST)
def test_rest_refuses(case: str, unchanged: SmallWorld) -> None:
    call, code, word = REST[case]
    answer = call(unchanged.rest)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code == CODES[code].status
    assert_clear(answer.json(), code, word)


FILES = {
    "labels.csv": b"a,b\n1,2\n",
    "broken.zip": b"PK\x03\x04 and no more",
    "policy.yaml": b"name: p\nwhen: now\n",
    "recipe.yaml": b"epochs: 3\n",
    "list.yaml": b"- 1\n",
    "text.png": b"text",
}
CLI = {
    "an unknown dataset": ("dataset versions nothing", "not_found"),
    "a folder that is not there": ("ingest nowhere-at-all", "not_found"),
    "an archive that is none": ("ingest broken.zip", "invalid_input"),
    "facets that are a list": ("ingest broken.zip --metadata list.yaml", "invalid_input"),
    "a filter without a sign": ("samples list --where mono", "invalid_input"),
    "shares that are words": ("dataset commit cells --splits train=most", "invalid_input"),
    "labels without columns": ("dataset import cells labels.csv", "invalid_input"),
    "labels that are not there": ("dataset import cells nowhere.csv", "invalid_input"),
    "an image that is none": ("samples search --image text.png", "invalid_media"),
    "a recipe with a wrong field": ("train m --dataset cells@1 --test cells@1 --recipe recipe.yaml", "invalid_recipe"),
    "a policy with a wrong field": ("policy apply policy.yaml", "invalid_policy"),
    "a bundle that is none": ("model import m broken.zip --test cells@1", "invalid_bundle"),
    "an export into nowhere": ("dataset export cells@1 csv nowhere/cells.zip", "invalid_input"),
    "an export of an unknown format": ("dataset export cells@1 yoho cells.zip", "not_found"),
    "a server without a key": ("samples list --url https://example.invalid", "invalid_input"),
}


@pytest.mark.parametrize("case", CLI)
def test_the_command_line_refuses(
    case: str, unchanged: SmallWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, code = CLI[case]
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    done = unchanged.command(*words.split(), "--json")
    assert done.exit_code == CODES[code].exit_code, done.output
    assert_clear(json.loads(done.stderr), code, "")
