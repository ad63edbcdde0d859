"""The generated reference is what the code says."""

import sys
from pathlib import Path

import pytest

from tests.guards.source_files import ROOT

sys.path.insert(0, str(ROOT / "docs"))
import generate


@pytest.mark.parametrize("name", ["settings.md", "errors.md", "cli.md", "api.md"])
def test_the_page_is_up_to_date(name: str) -> None:
    written = Path(ROOT / "docs" / "reference" / name).read_text()
    assert written == generate.pages()[name], "run: python docs/generate.py"
