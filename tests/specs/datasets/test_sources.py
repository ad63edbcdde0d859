"""Sources that stand: folders looked at again, media pushed, and what is said of them."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from sightloop.datasets import folders, listing
from sightloop.errors import Conflict, InvalidInput, NotFound, Overloaded, Refused
from tests.specs.datasets.world import World, picture


def fill(folder: Path, *names: str, start: int = 0) -> None:
    for number, name in enumerate(names, start):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))


def sync(world: World, name: str = "line") -> Any:
    return world.runs.wait(world.caller, world.datasets.sources.sync(world.caller, name).id).output


def add(world: World, kind: str = "folder", **settings: Any) -> None:
    given = {"path": str(world.folder), **settings} if kind == "folder" else settings
    world.datasets.sources.add(world.caller, "line", kind, given)


def test_a_second_look_at_a_folder_reads_only_what_is_new_or_changed(world: World) -> None:
    fill(world.folder, "a.png", "b.png", "deep/c.png")
    add(world)
    first = sync(world)
    fill(world.folder, "b.png", "d.png", start=10)
    (world.folder / "a.png").unlink()
    second = sync(world)
    assert [first["ingested"], first["unchanged"]] == [3, 0]
    assert [second[one] for one in ("ingested", "changed", "removed", "unchanged")] == [2, 1, 1, 1]
    third = sync(world)
    assert [third[one] for one in ("ingested", "changed", "removed", "unchanged")] == [0, 0, 0, 3]


def test_pages_and_a_restart_in_between_change_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 3)
    monkeypatch.setattr(folders, "BLOCK", 2)
    names = ["a-b.png", "a.png", "a/x.png", "a/y.png", "a/z/q.png", "a0.png", "b.png", "é.png"]
    fill(world.folder, *names)
    add(world)
    assert sync(world)["ingested"] == len(names)
    assert sync(world)["unchanged"] == len(names)
    whole = [one.name for one in folders.walk(world.folder)]
    assert whole == sorted(names)
    for at, name in enumerate(whole):
        assert [one.name for one in folders.walk(world.folder, name)] == whole[at + 1 :]


def test_a_file_that_could_not_be_read_is_tried_again(world: World) -> None:
    fill(world.folder, "a.png")
    (world.folder / "b.png").write_bytes(b"no picture")
    add(world)
    assert sync(world)["quarantined"] == 1
    assert sync(world)["unchanged"] == 2  # what is broken is not looked at again before it changes
    fill(world.folder, "b.png", start=5)
    mended = sync(world)
    assert [mended[one] for one in ("changed", "ingested")] == [1, 1]


def test_a_folder_that_is_gone_is_told_and_forgets_nothing(world: World) -> None:
    top = world.folder / "mounted"
    fill(top, "a.png")
    world.datasets.sources.add(world.caller, "line", "folder", {"path": str(top)})
    sync(world)
    top.rename(world.folder / "away")
    with pytest.raises(NotFound, match="folder of the source is gone"):
        sync(world)
    (world.folder / "away").rename(top)
    assert sync(world)["unchanged"] == 1


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_manifest_beside_the_media_says_where_they_come_from(world: World, form: str) -> None:
    fill(world.folder, "a.png", "b.png")
    said = {"captured_at": "2026-03-01T10:00:00+01:00", "licence": "CC-BY-4.0", "consent": "signed", "line": "2"}
    text = (
        json.dumps({"a.png": said}) if form == "json" else f"name,{','.join(said)}\na.png,{','.join(said.values())}\n"
    )
    (world.folder / f"manifest.{form}").write_text(text)
    add(world, defaults={"licence": "internal", "purpose": "inspection"})
    sync(world)
    a, b = (world.datasets.sample(world.caller, world.named(one)) for one in ("a.png", "b.png"))
    assert (a.licence, a.consent, a.purpose, a.metadata) == ("CC-BY-4.0", "signed", "inspection", {"line": "2"})
    assert a.captured_at is not None
    assert a.captured_at.isoformat() == "2026-03-01T10:00:00+01:00"
    assert (b.licence, b.consent, b.source) == ("internal", "", "line")


def test_a_manifest_in_a_tar_is_heard(world: World) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in (("a.png", picture(1)), ("manifest.csv", b"name,licence\na.png,CC0\n")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    digest = world.datasets.upload(world.caller, "all.tar.gz", buffer.getvalue())
    world.ingest(kind="archive", upload=digest)
    assert world.datasets.sample(world.caller, world.named("a.png")).licence == "CC0"


@pytest.mark.parametrize(
    ("text", "told"),
    [("licence\nCC0\n", "which file it means"), ("name,captured_at\na.png,soon\n", "no moment"), ("\xff", "")],
)
def test_a_manifest_that_says_nothing_useful_is_refused_by_name(world: World, text: str, told: str) -> None:
    fill(world.folder, "a.png")
    (world.folder / "manifest.csv").write_bytes(text.encode("latin-1"))
    add(world)
    with pytest.raises(InvalidInput, match=told):
        sync(world)


def test_what_is_pushed_becomes_samples_and_waits_no_more(world: World) -> None:
    add(world, "push", defaults={"licence": "internal"})
    sources = world.datasets.sources
    for number in range(3):
        sources.push(world.caller, "line", f"{number}.png", picture(number), {"subject": f"part {number}"})
    assert sources.get(world.caller, "line").waiting == 3
    assert sync(world)["ingested"] == 3
    assert sources.get(world.caller, "line").waiting == 0
    sample = world.datasets.sample(world.caller, world.named("1.png"))
    assert (sample.subject, sample.licence, sample.source) == ("part 1", "internal", "line")


def test_the_same_medium_pushed_twice_is_one(world: World) -> None:
    add(world, "push")
    sources = world.datasets.sources
    first, again = (sources.push(world.caller, "line", "a.png", picture(1), {}) for _ in range(2))
    assert first == again
    assert sync(world)["ingested"] == 1
    sources.push(world.caller, "line", "a.png", picture(1), {})
    repeated = sync(world)
    assert [repeated[one] for one in ("ingested", "known")] == [0, 1]


def test_frames_of_one_name_keep_what_was_given_with_each(world: World) -> None:
    add(world, "push")
    for number in range(2):
        world.datasets.sources.push(world.caller, "line", "frame.png", picture(number), {"subject": str(number)})
    sync(world), sync(world)
    taken = world.datasets.samples(world.caller, {"name": "frame.png"}).items
    assert sorted(one.subject for one in taken) == ["0", "1"]


def test_senders_are_asked_to_wait_when_too_much_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    add(world, "push")
    sources = world.datasets.sources
    monkeypatch.setattr(sources._inbox, "_limit", 2)
    for number in range(2):
        sources.push(world.caller, "line", "", picture(number), {})
    with pytest.raises(Overloaded) as caught:
        sources.push(world.caller, "line", "", picture(9), {})
    assert caught.value.facts["retry_after_s"] > 0


def test_the_clock_looks_when_it_is_time_and_takes_in_what_was_pushed(world: World) -> None:
    fill(world.folder, "a.png")
    sources = world.datasets.sources
    sources.add(world.caller, "watched", "folder", {"path": str(world.folder)}, every_s=3600)
    sources.add(world.caller, "still", "folder", {"path": str(world.folder)})
    add(world, "push")
    sources.push(world.caller, "line", "p.png", picture(7), {})
    started = sources.look(world.caller)
    for run in started:
        world.runs.wait(world.caller, run)
    assert sorted(one.name for one in sources.list(world.caller) if one.last_run in started) == ["line", "watched"]
    assert sources.look(world.caller) == []


def test_a_source_goes_and_its_samples_stay(world: World) -> None:
    fill(world.folder, "a.png")
    add(world)
    sync(world)
    world.datasets.sources.remove(world.caller, "line")
    assert world.datasets.sources.list(world.caller) == []
    assert world.datasets.count(world.caller) == 1
    assert world.datasets.check(world.caller.workspace) == []


@pytest.mark.parametrize(
    ("kind", "settings", "every_s"),
    [
        ("bucket", {"url": "https://bucket.example.com/x"}, 0),
        ("bucket", {"url": "s3://b"}, 0),
        ("bucket", {"url": "s3://bucket/x", "path": "/etc"}, 0),
        ("bucket", {"url": "s3://bucket/x", "credentials": "none"}, 0),
        ("bucket", {}, 0),
        ("push", {"defaults": {"licence": 3}}, 0),
        ("push", {}, 10),
        ("camera", {}, 0),
        ("folder", {"path": "/nowhere"}, 0),
    ],
)
def test_a_source_that_is_none_is_refused(world: World, kind: str, settings: dict[str, Any], every_s: float) -> None:
    with pytest.raises((InvalidInput, NotFound)):
        world.datasets.sources.add(world.caller, "line", kind, settings, every_s=every_s)
    assert world.datasets.sources.list(world.caller) == []


def test_a_name_is_given_once_and_nothing_is_pushed_into_a_folder(world: World) -> None:
    add(world)
    with pytest.raises(Conflict, match='source "line" already'):
        add(world)
    with pytest.raises(Refused, match='kind "folder"'):
        world.datasets.sources.push(world.caller, "line", "a.png", b"x", {})


@pytest.mark.parametrize(
    ("kind", "secrets"),
    [
        ("s3", {"access_key_id": "a"}),
        ("s3", {"access_key_id": "a", "secret_access_key": "b", "metadata_endpoint": "http://169.254.169.254"}),
        ("gcs", {"service_account": '{"type": "external_account", "credential_source": {"url": "http://10.0.0.1"}}'}),
        ("azure", {"account_key": "a", "sas_token": "b"}),
        ("ftp", {}),
    ],
)
def test_credentials_hold_what_their_kind_needs_and_nothing_else(
    world: World, kind: str, secrets: dict[str, str]
) -> None:
    with pytest.raises((InvalidInput, NotFound)):
        world.datasets.sources.credentials.create(world.caller, "plant", kind, secrets)


@pytest.mark.parametrize("more", [{"region": "x.evil.example/#"}, {"account": "a@evil.example"}])
def test_no_region_or_account_leads_to_another_host(world: World, more: dict[str, str]) -> None:
    keys = {"access_key_id": "a", "secret_access_key": "b"}
    with pytest.raises(InvalidInput, match="no region"):
        world.datasets.sources.credentials.create(world.caller, "plant", "s3", keys, **more)


def test_credentials_that_a_source_uses_are_not_deleted(world: World) -> None:
    credentials = world.datasets.sources.credentials
    credentials.create(world.caller, "plant", "s3", {"access_key_id": "a", "secret_access_key": "b"})
    with pytest.raises(Refused, match="private network"):
        credentials.create(world.caller, "inside", "s3", {"access_key_id": "a", "secret_access_key": "b"},
                           endpoint="http://169.254.169.254")  # fmt: skip
    assert credentials.delete(world.caller, "plant").name == "plant"
