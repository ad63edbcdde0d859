from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sightloop.domain import Sample
from sightloop.errors import InvalidInput
from sightloop.monitoring.facets import check_facets, of_sample, regime_of

EVENING = Sample("smp", "digest", captured_at=datetime(2026, 7, 1, 21, 30, tzinfo=UTC), metadata={"camera": 3})


@pytest.mark.parametrize(
    ("facet", "value"),
    [
        ("hour", "21"),
        ("hour@Europe/Berlin", "23"),
        ("shift:6-14-22", "14"),
        ("shift:6-14-22@Europe/Berlin", "22"),
        ("shift:22@UTC", "22"),
        ("camera", "3"),
    ],
)
def test_a_facet_reads_the_clock_or_what_was_declared(facet: str, value: str) -> None:
    check_facets([facet])
    assert of_sample([facet], EVENING) == {facet: value}


def test_a_night_shift_goes_on_after_midnight() -> None:
    early = Sample("smp", "digest", captured_at=datetime(2026, 7, 1, 3, 0, tzinfo=UTC))
    assert of_sample(["shift:6-14-22"], early) == {"shift:6-14-22": "22"}


def test_a_regime_names_its_facets() -> None:
    assert regime_of(["camera", "hour"], of_sample(["camera", "hour"], EVENING)) == "camera=3, hour=21"


@pytest.mark.parametrize(
    "facet", ["shift", "shift:14-6", "shift:6-30", "camera:1-2", "camera@UTC", "hour@Mars/Base", ""]
)
def test_what_is_no_facet_is_refused(facet: str) -> None:
    with pytest.raises(InvalidInput):
        check_facets([facet])


def test_a_sample_without_capture_time_has_no_hour() -> None:
    with pytest.raises(InvalidInput, match='states no "hour"'):
        of_sample(["hour"], Sample("smp", "digest"))
