from __future__ import annotations

import gzip
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from sightloop.errors import InvalidBundle
from sightloop.inference import Bundle, validate_bundle

REFUSED = {"archive", "manifest", "digest", "graph", "interface"}


def _zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _members(bundle: Bundle) -> dict[str, bytes]:
    return {"manifest.json": bundle.manifest.model_dump_json().encode(), "model.onnx": bundle.onnx}


def _with_onnx(bundle: Bundle, onnx: bytes) -> bytes:
    facts = {"onnx_sha256": sha256(onnx).hexdigest(), "onnx_bytes": len(onnx)}
    return Bundle(bundle.manifest.model_copy(update=facts), onnx).to_archive()


def _altered(bundle: Bundle, alter: Callable[[Any], object]) -> bytes:
    model = ModelProto.FromString(bundle.onnx)
    alter(model)
    return _with_onnx(bundle, model.SerializeToString())


def _reason(data: bytes) -> str:
    with pytest.raises(InvalidBundle) as refused:
        validate_bundle(data)
    assert refused.value.hint
    return str(refused.value.facts["reason"])


class _Canary:
    """Makes a file as soon as somebody unpickles it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._file,)


def _tarred(name: str, content: bytes) -> bytes:
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, BytesIO(content))
    return buffer.getvalue()


def _numpy_object(canary: _Canary) -> bytes:
    buffer = BytesIO()
    np.save(buffer, np.array([canary], dtype=object), allow_pickle=True)
    return buffer.getvalue()


WRAPPINGS: dict[str, Callable[[Bundle, bytes, _Canary], bytes]] = {
    "bare": lambda bundle, evil, canary: evil,
    "compressed by gzip": lambda bundle, evil, canary: gzip.compress(evil),
    "as torch.save writes it": lambda bundle, evil, canary: _zipped(
        {"archive/data.pkl": evil, "archive/version": b"3"}
    ),
    "in an array of objects": lambda bundle, evil, canary: _numpy_object(canary),
    "in an .npz": lambda bundle, evil, canary: _zipped({"weights.npy": _numpy_object(canary)}),
    "in a tar": lambda bundle, evil, canary: _tarred("model.pkl", evil),
    "as the graph": lambda bundle, evil, canary: _with_onnx(bundle, evil),
    "as the manifest": lambda bundle, evil, canary: _zipped({**_members(bundle), "manifest.json": evil}),
    "behind a whole bundle": lambda bundle, evil, canary: bundle.to_archive() + evil,
    "before a whole bundle": lambda bundle, evil, canary: evil + bundle.to_archive(),
    "as a third member": lambda bundle, evil, canary: _zipped({**_members(bundle), "extra.pkl": evil}),
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_pickle_is_refused_in_any_wrapping_and_never_loaded(bundle: Bundle, wrapping: str, tmp_path: Path) -> None:
    canary = _Canary(tmp_path / "executed")
    assert _reason(WRAPPINGS[wrapping](bundle, pickle.dumps(canary), canary)) in REFUSED
    assert not (tmp_path / "executed").exists()


def test_the_canary_would_sing(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(_Canary(tmp_path / "executed")))
    assert (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "name", ["../../evil", "/etc/evil", "..\\..\\evil", "C:\\evil", "a/../../evil", "model.onnx/evil"]
)
def test_a_member_that_climbs_out_of_the_archive_is_refused(bundle: Bundle, name: str) -> None:
    assert _reason(_zipped({**_members(bundle), name: b""})) == "archive"


def test_a_member_that_is_a_link_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    buffer = BytesIO(_zipped({"manifest.json": _members(bundle)["manifest.json"]}))
    with zipfile.ZipFile(buffer, "a") as archive:
        link = zipfile.ZipInfo("model.onnx")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert _reason(buffer.getvalue()) == "digest"


def test_two_members_of_one_name_are_refused(bundle: Bundle) -> None:
    buffer = BytesIO(bundle.to_archive())
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("model.onnx", b"another graph")
    assert _reason(buffer.getvalue()) == "archive"


def test_a_compressed_archive_is_refused(bundle: Bundle) -> None:
    assert _reason(_zipped(_members(bundle), zipfile.ZIP_DEFLATED)) == "archive"


def test_half_an_archive_is_refused(bundle: Bundle) -> None:
    archive = bundle.to_archive()
    assert _reason(archive[: len(archive) // 2]) == "archive"


def test_a_manifest_with_a_word_of_its_own_is_refused(bundle: Bundle) -> None:
    members = _members(bundle)
    members["manifest.json"] = members["manifest.json"].replace(b'"task"', b'"tusk"')
    assert _reason(_zipped(members)) == "manifest"


def test_a_graph_that_was_exchanged_is_refused(bundle: Bundle) -> None:
    assert _reason(_zipped({**_members(bundle), "model.onnx": b"another graph"})) == "digest"


def test_a_file_that_is_not_onnx_is_refused(bundle: Bundle) -> None:
    assert _reason(_with_onnx(bundle, b"\xff" * 100)) in {"graph", "interface"}


OUTSIDE = (
    "weights.bin", "../weights.bin", "../../../etc/passwd", "/etc/passwd", "./../../etc/passwd", "..\\..\\secret",
    "//etc/passwd", "file:///etc/passwd", "%2e%2e/secret", "a/../../secret", "/proc/self/environ", "",
)  # fmt: skip


@pytest.mark.parametrize("location", OUTSIDE)
@pytest.mark.parametrize("place", ["initializer", "constant", "sparse"])
def test_tensors_outside_the_file_are_refused(bundle: Bundle, place: str, location: str) -> None:
    def point_outside(model: Any) -> None:
        tensor = TensorProto(name="outside", data_type=TensorProto.FLOAT, dims=[1])
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        if place == "initializer":
            model.graph.initializer.append(tensor)
        elif place == "constant":
            model.graph.node.append(helper.make_node("Constant", [], ["outside"], value=tensor))
        else:
            indices = numpy_helper.from_array(np.zeros(1, np.int64))
            model.graph.sparse_initializer.add(values=tensor, indices=indices, dims=[1])

    assert _reason(_altered(bundle, point_outside)) == "external_data"


def test_a_file_that_stands_where_the_graph_points_is_not_read(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "weights.bin")  # whoever opens it hangs
    monkeypatch.chdir(tmp_path)

    def point_beside(model: Any) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="weights.bin")

    assert _reason(_altered(bundle, point_beside)) == "external_data"


@pytest.mark.parametrize("dims", [[-1], [1 << 25], [1 << 20, 1 << 20], [1 << 14] * 4, [(1 << 63) - 1]])
def test_a_tensor_of_impossible_size_is_refused(bundle: Bundle, dims: list[int]) -> None:
    huge = TensorProto(name="huge", data_type=TensorProto.FLOAT, dims=dims)
    assert _reason(_altered(bundle, lambda model: model.graph.initializer.append(huge))) == "graph"


@pytest.mark.parametrize("domain", ["com.example", "com.microsoft", "ai.onnx.contrib", "ai.onnx.training", "AI.ONNX"])
def test_operators_outside_the_standard_are_refused(bundle: Bundle, domain: str) -> None:
    def call(model: Any) -> None:
        model.opset_import.append(helper.make_opsetid(domain, 1))
        model.graph.node.append(helper.make_node("Run", [], ["ran"], domain=domain, command="touch /tmp/evil"))

    assert _reason(_altered(bundle, call)) == "operator"


def test_a_function_of_the_file_s_own_is_refused(bundle: Bundle) -> None:
    own = helper.make_function("", "Relu", ["x"], ["y"], [], [helper.make_opsetid("", 17)])
    assert _reason(_altered(bundle, lambda model: model.functions.append(own))) == "graph"


def test_a_loop_is_refused(bundle: Bundle) -> None:
    body = helper.make_graph([], "body", [], [])
    loop = helper.make_node("Loop", ["", ""], ["never"], body=body)
    assert _reason(_altered(bundle, lambda model: model.graph.node.append(loop))) == "operator"


def test_outputs_that_the_manifest_does_not_promise_are_refused(bundle: Bundle) -> None:
    assert _reason(_altered(bundle, lambda model: model.graph.output.pop())) == "interface"


def test_a_graph_that_allocates_without_bound_is_refused(bundle: Bundle) -> None:
    def inflate(model: Any) -> None:
        shape = numpy_helper.from_array(np.array([1 << 20, 1 << 20], np.int64), "vast")
        model.graph.initializer.append(shape)
        head = next(node for node in model.graph.node if node.op_type == "Softmax")
        head.input[0] = "tiny"
        model.graph.node.remove(head)
        model.graph.node.extend(
            [
                helper.make_node("ConstantOfShape", ["vast"], ["zeros"]),
                helper.make_node("ReduceSum", ["zeros"], ["sum"], keepdims=0),
                helper.make_node("Add", ["calibrated", "sum"], ["tiny"]),
                head,
            ]
        )

    assert _reason(_altered(bundle, inflate)) in {"trial", "out_of_memory", "crashed"}


def test_answers_that_are_not_probabilities_are_refused(bundle: Bundle) -> None:
    def unsoften(model: Any) -> None:
        for node in model.graph.node:
            if node.op_type == "Softmax":
                node.op_type = "Identity"
                del node.attribute[:]

    assert _reason(_altered(bundle, unsoften)) == "trial"
