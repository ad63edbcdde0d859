"""A clip plays in a browser: whole or in ranges, as nothing but a video."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.specs.inference.clips import clip
from tests.specs.interfaces.house import House


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, dict[str, str]]]:
    house = House(tmp_path_factory.mktemp("videos"))
    folder = tmp_path_factory.mktemp("clips")
    (folder / "line.mp4").write_bytes(clip())
    (folder / "old.avi").write_bytes(clip("mpeg4-avi"))
    house.workspace().ingest(folder, frames={"every_s": 1.0})
    samples = house.owner().get("/api/v1/samples").json()["items"]
    yield house.owner(), {sample["name"]: f"/api/v1/samples/{sample['id']}" for sample in samples}
    house.close()


def test_a_clip_comes_as_the_video_that_it_is(played: tuple[httpx.Client, dict[str, str]]) -> None:
    client, paths = played
    answer = client.get(f"{paths['line.mp4']}/video")
    assert (answer.content, answer.headers["content-type"]) == (clip(), "video/mp4")
    assert (answer.headers["accept-ranges"], answer.headers["x-content-type-options"]) == ("bytes", "nosniff")


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [("bytes=0-99", 0, 100), ("bytes=100-", 100, None), ("bytes=-50", -50, None), ("bytes=5-99999999", 5, None)],
)
def test_a_range_is_that_part(
    played: tuple[httpx.Client, dict[str, str]], asked: str, begin: int, end: int | None
) -> None:
    client, paths = played
    answer = client.get(f"{paths['line.mp4']}/video", headers={"range": asked})
    assert (answer.status_code, answer.content) == (206, clip()[begin:end])
    assert answer.headers["content-range"].endswith(f"/{len(clip())}")


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=9-3"])
def test_a_range_beyond_the_end_cannot_be_given(played: tuple[httpx.Client, dict[str, str]], asked: str) -> None:
    client, paths = played
    assert client.get(f"{paths['line.mp4']}/video", headers={"range": asked}).status_code == 416


@pytest.mark.parametrize("asked", ["bytes=a-b", "bytes=0-1,5-9", "lines=1-2", "bytes=-"])
def test_what_is_no_single_range_gets_the_whole(played: tuple[httpx.Client, dict[str, str]], asked: str) -> None:
    client, paths = played
    assert client.get(f"{paths['line.mp4']}/video", headers={"range": asked}).content == clip()


def test_a_frame_plays_its_clip_and_shows_its_own_picture(played: tuple[httpx.Client, dict[str, str]]) -> None:
    client, paths = played
    first, second = (client.get(f"{paths[f'line.mp4#t={time}']}/image") for time in ("0.000", "1.000"))
    assert first.content != second.content
    assert first.headers["etag"] != second.headers["etag"]
    assert client.get(f"{paths['line.mp4#t=1.000']}/video").content == clip()


def test_what_browsers_do_not_play_is_offered_for_download(played: tuple[httpx.Client, dict[str, str]]) -> None:
    client, paths = played
    answer = client.get(f"{paths['old.avi']}/video")
    assert (answer.status_code, "Download" in answer.json()["hint"]) == (422, True)


def test_a_player_that_can_send_no_header_names_its_workspace_in_the_query(
    played: tuple[httpx.Client, dict[str, str]],
) -> None:
    client, paths = played
    bare = httpx.Client(
        transport=client._transport,
        base_url="http://localhost",
        headers={"Authorization": client.headers["Authorization"]},
    )
    assert bare.get(f"{paths['line.mp4']}/video", params={"workspace": "default"}).status_code == 200
    assert bare.get(f"{paths['line.mp4']}/video", params={"workspace": "no-such"}).status_code == 404
