from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sightloop.domain import Caller, Role, digest_of, now
from sightloop.errors import InvalidInput, NotFound
from sightloop.serving import window_of
from sightloop.serving.segments import SegmentWriter
from tests.specs.serving.house import ME, HeldSamples, House, opened
from tests.specs.serving.small_model import png

STRANGER = Caller(workspace="ws_b", actor="usr_2", role=Role.ADMIN)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with opened(tmp_path, HeldSamples([10, 20])) as house:
        yield house


def record(number: int, **facts: Any) -> dict[str, Any]:
    return {
        "id": f"prd_{number:04d}",
        "deployment": "line",
        "model_version": "mdv_1",
        "made_at": "2026-01-01T00:00:00+00:00",
        "media_digest": digest_of(png(number % 256)),
        "label": "dark",
        "score": 0.75,
        "classes": ["dark", "bright"],
        "probabilities": [0.75, 0.25],
        "embedding": "ADwAQABC",
        "brightness": 0.5,
        "contrast": 0.25,
        "blur": 10.0,
        "trace_id": "",
        "deadline_ms": 0.0,
        "latency_ms": 3.5,
        "purpose": "",
        **facts,
    }


def write(house: House, *records: dict[str, Any], workspace: str = "ws_a") -> None:
    writer = SegmentWriter(house.folder / "serving" / "segments", bytes_limit=1 << 24)
    for one in records:
        writer.append(workspace, one)
    writer.close()


def test_a_damaged_frame_is_told_and_a_torn_tail_is_not(house: House) -> None:
    write(house, *(record(number) for number in range(3)))
    (segment,) = (house.folder / "serving" / "segments" / "ws_a").iterdir()
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-5])
    assert house.log.check("ws_a") == []
    segment.write_bytes(whole.replace(b"prd_0001", b"prd_9999"))
    (problem,) = house.log.check("ws_a")
    assert f"damaged at byte {len(whole) // 3}" in problem


def test_imported_predictions_are_read_in_the_order_of_their_sequence(house: House) -> None:
    write(house, *(record(number) for number in range(5)))
    assert house.log.import_segments(flush=True) == 5
    assert [found.sequence for found in house.log.read(ME, "line", 0, 3)] == [1, 2, 3]
    assert [found.id for found in house.log.read(ME, "line", 3, 10)] == ["prd_0003", "prd_0004"]


def test_the_newest_predictions_come_first_where_that_is_asked_and_go_on_from_a_page(house: House) -> None:
    write(house, *(record(number) for number in range(5)))
    house.log.import_segments("ws_a")
    first = house.log.list(ME, limit=2, newest=True)
    rest = house.log.list(ME, limit=9, newest=True, after=first[-1].sequence)
    assert [one.id for one in first] == ["prd_0004", "prd_0003"]
    assert [one.id for one in rest] == ["prd_0002", "prd_0001", "prd_0000"]


def test_a_prediction_comes_back_with_all_that_was_logged(house: House) -> None:
    write(house, record(1))
    found = house.log.get(ME, "prd_0001")
    assert found.payload == {"classes": ["dark", "bright"], "probabilities": [0.75, 0.25]}
    assert found.embedding == tuple(np.array([1, 2, 3], np.float16))
    assert (found.label, found.score, found.latency_ms, found.blur) == ("dark", 0.75, 3.5, 10.0)


def test_a_probe_is_logged_and_left_out_of_what_watchers_read(house: House) -> None:
    write(house, record(1), record(2, purpose="probe"), record(3))
    house.log.import_segments(flush=True)
    assert [found.id for found in house.log.read(ME, "line", 0, 10)] == ["prd_0001", "prd_0003"]
    assert house.log.get(ME, "prd_0002").purpose == "probe"


def test_the_log_gives_back_what_was_declared_of_an_image(house: House) -> None:
    write(house, record(1), record(2, facets={"camera": "3"}))
    house.log.import_segments(flush=True)
    assert [one.facets for one in house.log.read(ME, "line", 0, 10)] == [{}, {"camera": "3"}]


def test_an_id_that_was_logged_twice_is_one_prediction(house: House) -> None:
    write(house, record(1), record(1, label="bright"))
    house.log.import_segments(flush=True)
    write(house, record(1), record(2))
    assert house.log.import_segments(flush=True) == 1
    assert [(found.id, found.label) for found in house.log.read(ME, "", 0, 10)] == [
        ("prd_0001", "dark"),
        ("prd_0002", "dark"),
    ]


def test_a_few_fresh_predictions_wait_for_company_and_old_ones_do_not(house: House) -> None:
    write(house, record(1, made_at="2999-01-01T00:00:00+00:00"))
    assert house.log.import_segments() == 0
    assert house.log.import_segments(flush=True) == 1
    write(house, record(2))
    assert house.log.import_segments() == 1


def test_a_torn_tail_is_imported_up_to_its_last_whole_record(house: House) -> None:
    write(house, record(1), record(2))
    (path,) = (house.folder / "serving" / "segments" / "ws_a").glob("*.log")
    path.write_bytes(path.read_bytes()[:-5])
    assert house.log.import_segments(flush=True) == 1
    write(house, record(3))
    assert house.log.import_segments(flush=True) == 1
    assert house.log.check("ws_a") == []


def test_segments_that_are_wholly_imported_go_and_the_newest_stays(house: House) -> None:
    write(house, record(1))
    write(house, record(2))
    house.log.import_segments(flush=True)
    assert len(list((house.folder / "serving" / "segments" / "ws_a").glob("*.log"))) == 1
    assert house.log.import_segments(flush=True) == 0


@pytest.mark.crash
@pytest.mark.parametrize("point", ["table.written", "change.before_commit", "change.committed"])
def test_a_kill_while_importing_loses_nothing_and_doubles_nothing(house: House, point: str) -> None:
    write(house, *(record(number) for number in range(3)))
    script = (
        "import sys; from pathlib import Path; from tests.specs.serving.house import opened\n"
        "from sightloop.storage import configure_faults\n"
        "with opened(Path(sys.argv[1])) as house:\n"
        f"    configure_faults('{point}=kill')\n"
        "    house.log.import_segments(flush=True)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(("src", "."))}
    killed = subprocess.run([sys.executable, "-c", script, str(house.folder)], env=environment, check=False)
    assert killed.returncode == -9
    write(house, record(3))
    house.log.import_segments(flush=True)
    assert [found.id for found in house.log.read(ME, "line", 0, 10)] == [f"prd_{number:04d}" for number in range(4)]
    assert house.log.check("ws_a") == []


def test_another_workspace_sees_no_prediction(house: House) -> None:
    write(house, record(1))
    house.log.import_segments(flush=True)
    assert house.log.read(STRANGER, "line", 0, 10) == []
    with pytest.raises(NotFound):
        house.log.get(STRANGER, "prd_0001")


def test_a_prediction_names_its_sample_once_the_medium_is_one(house: House) -> None:
    write(house, record(10), record(11))
    house.log.import_segments(flush=True)
    assert [found.sample for found in house.log.read(ME, "line", 0, 10)] == [house.samples.ids[0], ""]
    assert [found.id for found in house.log.list(ME, sample=house.samples.ids[0])] == ["prd_0010"]


def test_lists_are_narrowed_and_go_on_where_they_ended(house: House) -> None:
    write(house, *(record(number, model_version=f"mdv_{number % 2}") for number in range(6)))
    house.log.import_segments(flush=True)
    first = house.log.list(ME, model_version="mdv_1", limit=2)
    rest = house.log.list(ME, model_version="mdv_1", after=first[-1].sequence)
    assert [found.id for found in [*first, *rest]] == ["prd_0001", "prd_0003", "prd_0005"]
    assert house.log.counts(ME) == {"mdv_0": 3, "mdv_1": 3}


def test_an_outcome_comes_later_and_stays_with_its_prediction(house: House) -> None:
    write(house, record(1))
    house.log.outcome(ME, "prd_0001", {"truth": "bright"})
    assert house.log.get(ME, "prd_0001").outcome == {"truth": "bright"}


def test_a_filter_cannot_be_smuggled_in(house: House) -> None:
    write(house, record(1))
    house.log.import_segments(flush=True)
    with pytest.raises(InvalidInput):
        house.log.read(ME, "x' OR '1'='1", 0, 10)


def newest(house: House) -> dict[str, tuple[str, float]]:
    table = house.log.newest(ME)[1].to_pydict()
    return dict(zip(table["id"], zip(table["predicted"], table["score"], strict=True), strict=True))


def test_the_newest_prediction_of_each_sample_is_known_and_no_probe_counts(house: House) -> None:
    dark, bright = house.samples.ids
    assert newest(house) == {}
    write(house, record(10), record(20, label="bright"), record(99))
    house.log.import_segments(flush=True)
    assert newest(house) == {dark: ("dark", 0.75), bright: ("bright", 0.75)}
    again = {"id": "prd_a", "label": "bright", "score": 0.5}
    write(house, record(10, **again), record(20, id="prd_b", purpose="probe", label="dark"))
    house.log.import_segments(flush=True)
    assert newest(house) == {dark: ("bright", 0.5), bright: ("bright", 0.75)}


def test_the_newest_predictions_of_one_workspace_are_not_told_to_another(house: House) -> None:
    write(house, record(10))
    house.log.import_segments(flush=True)
    assert len(house.log.newest(STRANGER)[1]) == 0


def test_traffic_is_told_in_bins_without_probes_and_empty_ones_say_nothing(house: House) -> None:
    def at(minute: int, **facts: Any) -> dict[str, Any]:
        return record(minute, made_at=f"2026-01-01T00:{minute:02}:00+00:00", **facts)

    write(house, at(0, latency_ms=2.0), at(9, latency_ms=4.0, label="bright", score=0.25), at(25, latency_ms=8.0))
    write(house, at(1, purpose="probe"), at(2, deployment="other"), at(30))
    house.log.import_segments(flush=True)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    window = window_of(start, start + timedelta(minutes=30), 3, now())
    first, second, third = house.log.traffic(ME, "line", window)
    assert (first.count, first.labels, first.p50_ms, first.mean_score) == (2, {"bright": 1, "dark": 1}, 3.0, 0.5)
    assert (second.count, second.p50_ms, second.mean_score, second.at) == (0, None, None, start + timedelta(minutes=10))
    assert (third.count, third.p95_ms, third.errors) == (1, 8.0, None)
    assert [one.count for one in house.log.traffic(STRANGER, "line", window)] == [0, 0, 0]


@pytest.mark.parametrize(("hours", "bins"), [(0, 3), (-1, 3), (1, 0), (1, 501)])
def test_a_window_that_is_none_is_refused(hours: int, bins: int) -> None:
    start = datetime(2026, 1, 1)  # noqa: DTZ001  a moment without a zone is in UTC
    with pytest.raises(InvalidInput):
        window_of(start, start + timedelta(hours=hours), bins, now())
