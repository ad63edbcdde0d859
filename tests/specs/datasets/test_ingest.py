"""Media become samples, exactly once by content; what cannot be read waits in quarantine."""

from __future__ import annotations

import io
import struct
import tarfile
import zlib

import numpy as np
import pytest

from sightloop.domain import Caller, Role, digest_of
from sightloop.errors import Corrupt, InvalidInput, NotFound, TooLarge
from tests.specs.datasets.world import World, brighter, picture


def test_a_folder_becomes_samples_with_what_their_pixels_say(world: World) -> None:
    (world.folder / "line").mkdir()
    (world.folder / "line" / "a.png").write_bytes(picture(1))
    output = world.ingest({"line/a.png": {"cell_type": "mono"}})
    sample = world.datasets.sample(world.caller, world.ids()[0])
    assert (output["found"], output["ingested"], output["known"]) == (1, 1, 0)
    assert (sample.name, sample.width, sample.height, sample.format) == ("line/a.png", 64, 48, "PNG")
    assert sample.metadata == {"cell_type": "mono"}
    assert sample.media_digest == digest_of(picture(1))
    assert sample.blur > 0
    assert len(sample.phash) == 16


def test_media_and_thumbnail_and_pixels_come_back(world: World) -> None:
    sample = world.with_pictures(1).ids()[0]
    assert world.datasets.media(world.caller, sample) == picture(0)
    assert world.datasets.opened.thumbnail(world.caller, sample)[:2] == b"\xff\xd8"
    assert next(world.datasets.pixels(world.caller, [sample])).shape == (48, 64, 3)


def test_the_same_content_twice_is_known(world: World) -> None:
    for name in ("a.png", "b.png"):
        (world.folder / name).write_bytes(picture(1))
    first, second = world.ingest(), world.ingest()
    assert (first["ingested"], first["known"]) == (1, 1)
    assert (second["ingested"], second["known"]) == (0, 2)
    assert world.datasets.count(world.caller) == 1


def test_more_files_than_a_chunk_all_arrive_with_their_own_vectors(world: World) -> None:
    ids = world.with_pictures(150).ids()
    vectors = world.datasets.embeddings(world.caller, ids[::-1])
    assert vectors.shape == (150, 192)
    assert np.array_equal(vectors[0], world.datasets.embeddings(world.caller, [ids[-1]])[0])
    assert len({row.tobytes() for row in vectors}) == 150


def test_an_image_too_large_for_the_embedder_is_reduced_for_it(world: World) -> None:
    (world.folder / "wide.png").write_bytes(picture(1, size=(4200, 4200)))
    assert world.ingest()["ingested"] == 1
    assert world.datasets.embeddings(world.caller, world.ids()).shape == (1, 192)
    assert world.datasets.samples(world.caller).items[0].width == 4200


def test_label_files_beside_the_images_are_skipped_and_counted(world: World) -> None:
    (world.folder / "a.png").write_bytes(picture(1))
    (world.folder / "labels.csv").write_text("file,label\na.png,ok\n")
    assert world.ingest()["skipped"] == 1


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("cut.png", picture(1)[:200], "truncated"),
        ("text.png", b"this is not an image at all", "not_an_image"),
        ("nothing.png", b"", "empty"),
        ("really.jpg", picture(1), "renamed"),
        ("image.dat", picture(1), "renamed"),
    ],
)
def test_a_broken_file_is_quarantined_with_its_reason(world: World, name: str, data: bytes, reason: str) -> None:
    (world.folder / name).write_bytes(data)
    assert world.ingest()["quarantined"] == 1
    entry = world.datasets.quarantine(world.caller)[0]
    assert (entry.name, entry.reason, entry.state) == (name, reason, "quarantined")
    assert world.stores.workspace(world.caller.workspace).blobs.get(entry.digest) == data


def test_a_bomb_is_quarantined_and_the_files_around_it_arrive(world: World) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (world.folder / "b.png").write_bytes(bomb)
    for i, name in enumerate(("a.png", "c.png")):
        (world.folder / name).write_bytes(picture(i))
    output = world.ingest()
    assert (output["ingested"], output["quarantined"]) == (2, 1)
    assert world.datasets.quarantine(world.caller)[0].reason == "too_many_pixels"


def test_a_renamed_copy_of_a_known_image_is_still_quarantined(world: World) -> None:
    world.with_pictures(1)
    (world.folder / "copy.jpg").write_bytes(picture(0))
    output = world.ingest()
    assert (output["known"], output["quarantined"]) == (1, 1)


def test_a_replay_releases_what_can_be_read_now(world: World) -> None:
    (world.folder / "really.jpg").write_bytes(picture(1))
    world.ingest({"really.jpg": {"line": 3}})
    run = world.datasets.replay(world.caller, trust_content=True)
    assert world.runs.wait(world.caller, run.id).output["ingested"] == 1
    assert world.datasets.quarantine(world.caller)[0].state == "released"
    assert world.datasets.samples(world.caller).items[0].metadata == {"line": 3}


def test_a_replay_that_fails_again_leaves_the_file_in_quarantine(world: World) -> None:
    (world.folder / "cut.png").write_bytes(picture(1)[:200])
    world.ingest()
    world.runs.wait(world.caller, world.datasets.replay(world.caller).id)
    assert [one.state for one in world.datasets.quarantine(world.caller)] == ["quarantined"]


def test_uploads_become_samples_under_their_names(world: World) -> None:
    digest = world.datasets.upload(world.caller, "a.png", picture(1))
    world.ingest(kind="upload", files=[{"name": "a.png", "digest": digest}])
    assert world.datasets.find_media(world.caller, [digest, "0" * 64]) == {digest: world.named("a.png")}


def test_media_left_in_place_are_read_from_there_and_checked(world: World) -> None:
    path = world.folder / "a.png"
    path.write_bytes(picture(1))
    world.ingest(copy=False)
    sample = world.ids()[0]
    assert not world.stores.workspace(world.caller.workspace).blobs.exists(digest_of(picture(1)))
    assert world.datasets.media(world.caller, sample) == picture(1)
    path.write_bytes(picture(2))
    with pytest.raises(Corrupt, match="changed"):
        world.datasets.media(world.caller, sample)


def test_near_duplicates_are_confirmed_and_reported(world: World) -> None:
    for i in range(5):
        (world.folder / f"{i}.png").write_bytes(picture(i))
    (world.folder / "again.png").write_bytes(brighter(picture(3), 2))
    output = world.ingest()
    assert (output["near_duplicate_groups"], output["largest_group"]) == (1, 2)
    group = world.datasets.near_duplicates(world.caller).groups[0]
    assert set(group) == {world.named("3.png"), world.named("again.png")}


def test_another_workspace_sees_nothing(world: World) -> None:
    sample = world.with_pictures(1).ids()[0]
    stranger = Caller("stranger", "tester", Role.ADMIN)
    assert world.datasets.count(stranger) == 0
    for ask in (world.datasets.sample, world.datasets.media, world.datasets.annotations.history):
        with pytest.raises(NotFound):
            ask(stranger, sample)


def test_lineage_names_the_samples_that_a_run_made(world: World) -> None:
    (world.folder / "a.png").write_bytes(picture(1))
    run = world.datasets.ingest(world.caller, {"kind": "folder", "path": str(world.folder)})
    world.runs.wait(world.caller, run.id)
    assert [link.artifact for link in world.runs.links(world.caller, run=run.id)] == world.ids()


def test_an_archive_is_read_like_a_folder(world: World) -> None:
    digest = world.datasets.upload(world.caller, "cells.tar.gz", tar({"ok/a.png": picture(1), "ok/b.png": picture(2)}))
    assert world.ingest(kind="archive", upload=digest)["ingested"] == 2


@pytest.mark.parametrize("name", ["../a.png", "/etc/a.png", "..\\a.png", "C:/a.png"])
def test_an_archive_that_leads_outside_is_refused_whole(world: World, name: str) -> None:
    digest = world.datasets.upload(world.caller, "evil.tar", tar({"fine.png": picture(1), name: picture(2)}))
    with pytest.raises(InvalidInput, match="outside"):
        world.ingest(kind="archive", upload=digest)
    assert world.datasets.count(world.caller) == 0


def test_an_archive_with_a_link_is_refused(world: World) -> None:
    digest = world.datasets.upload(world.caller, "evil.tar", tar({}, link="/etc/passwd"))
    with pytest.raises(InvalidInput, match="link"):
        world.ingest(kind="archive", upload=digest)


def test_an_archive_bomb_is_refused(world: World) -> None:
    digest = world.datasets.upload(world.caller, "bomb.tar.gz", tar({"a.png": bytes(80 << 20)}))
    with pytest.raises(TooLarge):
        world.ingest(kind="archive", upload=digest)


def test_a_source_that_is_not_there_is_named(world: World) -> None:
    with pytest.raises(NotFound, match="folder"):
        world.ingest(path=str(world.folder / "missing"))
    with pytest.raises(NotFound, match='"folde"'):
        world.ingest(kind="folde")


def test_an_empty_folder_is_an_error(world: World) -> None:
    with pytest.raises(InvalidInput, match="no media"):
        world.ingest()


def tar(files: dict[str, bytes], link: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        if link:
            info = tarfile.TarInfo("link.png")
            info.type, info.linkname = tarfile.SYMTYPE, link
            archive.addfile(info)
    return buffer.getvalue()
