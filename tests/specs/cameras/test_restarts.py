"""Cameras of an installation that is closed and opened again, and what of them is written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from sightloop.errors import InvalidInput, Refused
from tests.specs.cameras.streams import OPEN, wait_until, write_clip
from tests.specs.interfaces.house import House


def test_a_password_is_shown_nowhere_and_sealed_at_rest(tmp_path: Path) -> None:
    key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    house = House(tmp_path, {**OPEN, "storage": {"master_key": key}})
    made = house.workspace().cameras.add(
        "cam-1", "rtsp://127.0.0.1:9/line", keep="all", user="ann", password="pa55phrase", start=False
    )
    house.close()
    assert made.has_password
    assert "pa55phrase" not in str(made)
    assert b"pa55phrase" not in b"".join(path.read_bytes() for path in tmp_path.glob("sightloop.db*"))


def test_a_camera_of_a_private_network_is_read_only_where_the_operator_says_so(tmp_path: Path) -> None:
    house = House(tmp_path)
    add = house.workspace().cameras.add
    with pytest.raises(Refused, match="private network"):
        add("cam-1", "rtsp://127.0.0.1:554/line", keep="all")
    with pytest.raises(Refused, match="in the clear"):
        add("cam-1", "rtsp://1.1.1.1/line", keep="all")
    with pytest.raises(InvalidInput, match="URL"):
        add("cam-1", "rtsp://ann:secret@127.0.0.1/line", keep="all")
    house.close()


def test_a_camera_goes_on_after_a_restart_and_keeps_its_counts(tmp_path: Path) -> None:
    bright = write_clip(tmp_path / "bright.mp4", level=240)
    first = House(tmp_path, OPEN)
    first.installation.cameras.launch()
    first.workspace().cameras.add("loop", f"file:{bright}", every_s=0.1, keep="all")
    wait_until(lambda: first.workspace().cameras.get("loop").counts.sent >= 3)
    first.installation.cameras.close()
    first.close()
    again = House(tmp_path, OPEN)
    before = again.workspace().cameras.get("loop").counts
    again.installation.cameras.launch()
    wait_until(lambda: again.workspace().cameras.get("loop").counts.sent > before.sent)
    after = again.workspace().cameras.get("loop")
    again.installation.cameras.close()
    again.close()
    assert (after.wanted, after.counts.lost) == (True, 0)
    assert before.sent >= 3
