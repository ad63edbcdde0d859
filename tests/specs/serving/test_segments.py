from __future__ import annotations

from pathlib import Path

import pytest

from sightloop.serving.segments import SegmentWriter, frame, read_frames
from sightloop.serving.spool import MediaSpool


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.log"))


def test_records_come_back_in_order_with_offsets_to_go_on_from(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, bytes_limit=1 << 20)
    for number in range(3):
        writer.append("ws_a", {"n": number})
    (path,) = files(tmp_path)
    found = list(read_frames(path))
    assert [record["n"] for record, _ in found] == [0, 1, 2]
    assert [record["n"] for record, _ in read_frames(path, found[0][1])] == [1, 2]


@pytest.mark.parametrize("cut", [1, 7, 8, 12])
def test_a_torn_tail_ends_the_reading_at_the_last_whole_record(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "torn.log"
    path.write_bytes(frame({"n": 0}) + frame({"n": 1})[:cut])
    assert [record["n"] for record, _ in read_frames(path)] == [0]


def test_a_flipped_byte_ends_the_reading_before_it(tmp_path: Path) -> None:
    data = bytearray(frame({"n": 0}) + frame({"n": 1}))
    data[-2] ^= 1
    path = tmp_path / "flipped.log"
    path.write_bytes(data)
    assert [record["n"] for record, _ in read_frames(path)] == [0]


def test_a_full_segment_is_followed_by_the_next(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, bytes_limit=1 << 20, rotate_rows=2)
    for number in range(5):
        writer.append("ws_a", {"n": number})
    assert [record["n"] for path in files(tmp_path) for record, _ in read_frames(path)] == [0, 1, 2, 3, 4]
    assert len(files(tmp_path)) == 3


def test_workspaces_do_not_share_a_segment(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, bytes_limit=1 << 20)
    writer.append("ws_a", {})
    writer.append("ws_b", {})
    assert sorted(path.parent.name for path in files(tmp_path)) == ["ws_a", "ws_b"]


def test_over_the_bound_the_oldest_segments_go_and_their_records_are_counted(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, bytes_limit=200, rotate_rows=2)
    for number in range(20):
        writer.append("ws_a", {"n": number, "text": "x" * 20})
    writer.sync()
    kept = [record["n"] for path in files(tmp_path) for record, _ in read_frames(path)]
    assert kept[-1] == 19
    assert writer.dropped == 20 - len(kept) > 0
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 200


def digest(number: int) -> str:
    return f"{number % 16:x}{number:063x}"


def test_the_spool_keeps_within_its_bound_and_counts_what_it_drops(tmp_path: Path) -> None:
    spool = MediaSpool(tmp_path, bytes_limit=1000)
    for number in range(64):
        spool.put("ws_a", digest(number), b"x" * 50)
    kept = {path.name for path in tmp_path.glob("*/*")}
    assert spool.size_bytes == 50 * len(kept) <= 1000
    assert spool.dropped == 64 - len(kept)
    assert digest(63) in kept


def test_a_thin_sample_of_the_oldest_outlives_the_first_sweep(tmp_path: Path) -> None:
    spool = MediaSpool(tmp_path, bytes_limit=1000)
    for number in range(40):
        spool.put("ws_a", digest(number), b"x" * 50)
    kept = {path.name for path in tmp_path.glob("*/*")}
    assert digest(0) in kept
    assert digest(1) not in kept


def test_a_spool_that_is_opened_again_knows_what_it_holds(tmp_path: Path) -> None:
    MediaSpool(tmp_path, bytes_limit=1000).put("ws_a", digest(1), b"abc")
    again = MediaSpool(tmp_path, bytes_limit=1000)
    again.put("ws_a", digest(1), b"abc")
    assert again.size_bytes == 3
