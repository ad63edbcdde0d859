"""What got no prediction is counted, and told over time."""

from datetime import timedelta
from pathlib import Path

from sightloop.domain import now
from sightloop.serving.refusals import Refusals, refused
from sightloop.serving.traffic import Window


def test_what_was_refused_is_told_bin_by_bin_and_by_deployment(tmp_path: Path) -> None:
    began = now()
    counted = Refusals(tmp_path)
    for status in (503, 503, 422):
        counted.count("w", "line", status)
    counted.count("w", "other", 503)
    counted.count("elsewhere", "line", 503)
    counted.sync()
    counted.count("w", "line", 500)
    counted.sync()
    hour = Window(began - timedelta(hours=1), began + timedelta(hours=1), 2)
    assert sum(one or 0 for one in refused(tmp_path, "w", "line", hour)) == 4


def test_before_anything_was_counted_nothing_is_known(tmp_path: Path) -> None:
    Refusals(tmp_path)
    window = Window(now() - timedelta(days=3), now() + timedelta(minutes=1), 3)
    assert list(refused(tmp_path, "w", "line", window)) == [None, None, 0]


def test_a_line_that_is_being_written_is_not_read_yet(tmp_path: Path) -> None:
    counted = Refusals(tmp_path)
    counted.count("w", "line", 503)
    counted.sync()
    [day] = tmp_path.glob("*.jsonl")
    day.write_bytes(day.read_bytes() + b'["w","line","20')
    window = Window(now() - timedelta(hours=1), now() + timedelta(hours=1), 1)
    assert list(refused(tmp_path, "w", "line", window)) == [1]
