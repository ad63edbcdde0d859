from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sightloop.errors import NotFound, Unavailable
from sightloop.plugins import choose, installed


@pytest.fixture(autouse=True)
def _installed_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with one sound and one broken plugin, installed for the test."""
    (tmp_path / "sound_format.py").write_text("NAME = 'sound'\n")
    (tmp_path / "broken_format.py").write_text("raise RuntimeError('no')\n")
    info = tmp_path / "extra-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: extra\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[sightloop.formats]\nsound = sound_format\nbroken = broken_format\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    installed.cache_clear()
    yield
    installed.cache_clear()


def test_an_installed_plugin_is_found_by_its_name() -> None:
    assert choose("sightloop.formats", {}, "sound", "format").NAME == "sound"


def test_a_builtin_wins_over_a_plugin_of_its_name() -> None:
    assert choose("sightloop.formats", {"sound": "ours"}, "sound", "format") == "ours"


def test_a_broken_plugin_is_named_and_does_not_stop_the_others() -> None:
    with pytest.raises(Unavailable, match="broken"):
        choose("sightloop.formats", {}, "broken", "format")


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(NotFound, match="coco"):
        choose("sightloop.formats", {"coco": 1}, "cocoa", "format")
