"""Questions that nobody meant, made from the API's own description."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz_api import fuzz, small_world
from tests.specs.interfaces.house import House


@pytest.mark.parametrize("cases", [150, pytest.param(2000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
@pytest.mark.filterwarnings("ignore")
def test_no_case_finds_a_failure_or_an_answer_that_is_not_described(house: House, tmp_path: Path, cases: int) -> None:
    found = fuzz(house.owner(), small_world(house, tmp_path), cases)
    assert dict(found.findings) == {}, found.reproduce
    assert found.cases >= cases
