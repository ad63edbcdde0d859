"""One installation per test file: opening one takes seconds."""

from collections.abc import Iterator

import pytest

from tests.specs.interfaces.house import House


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    opened = House(
        tmp_path_factory.mktemp("house"), {"api": {"body_bytes_limit": 1 << 20, "json_bytes_limit": 1 << 18}}
    )
    yield opened
    opened.close()
