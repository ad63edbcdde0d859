"""Settings: where each value comes from, and what a wrong one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from sightloop.errors import InvalidInput
from sightloop.settings import describe_settings, load_client_settings, load_settings


def shown(name: str, folder: Path, **overrides: object) -> tuple[str, str]:
    settings = load_settings(folder, overrides)
    (row,) = (row for row in describe_settings(settings) if row["name"] == name)
    return row["value"], row["source"]


def test_a_value_that_nobody_gives_is_the_default(tmp_path: Path) -> None:
    assert shown("serving.max_batch", tmp_path) == ("8", "default")


def test_the_file_wins_over_the_default(tmp_path: Path) -> None:
    (tmp_path / "sightloop.toml").write_text("[serving]\nmax_batch = 3\n")
    assert shown("serving.max_batch", tmp_path) == ("3", "sightloop.toml")


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sightloop.toml").write_text("[serving]\nmax_batch = 3\nthreads = 7\n")
    monkeypatch.setenv("SIGHTLOOP_SERVING__MAX_BATCH", "5")
    assert shown("serving.max_batch", tmp_path) == ("5", "environment")
    assert shown("serving.threads", tmp_path) == ("7", "sightloop.toml")


def test_an_argument_wins_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLOOP_SERVING__MAX_BATCH", "5")
    assert shown("serving.max_batch", tmp_path, serving={"max_batch": 6}) == ("6", "argument")


def test_a_setting_outside_the_sections_has_a_source_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLOOP_FAULTS", "blob.written=raise")
    assert shown("faults", tmp_path) == ("blob.written=raise", "environment")


def test_a_secret_is_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLOOP_STORAGE__MASTER_KEY", "c2VjcmV0")
    assert shown("storage.master_key", tmp_path) == ("**********", "environment")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[serving]\nmax_batch = 'many'\n", "serving.max_batch"),
        ("[serving]\nmax_bath = 3\n", "serving.max_bath"),
        ("[servin]\nmax_batch = 3\n", "servin"),
        ("[serving\n", "not TOML"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "sightloop.toml").write_text(text)
    with pytest.raises(InvalidInput, match=said) as refused:
        load_settings(tmp_path)
    assert refused.value.hint


def test_a_wrong_environment_is_refused_and_its_value_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLOOP_EVENTS", "not-json")
    with pytest.raises(InvalidInput) as refused:
        load_settings()
    assert "not-json" not in refused.value.message


def test_a_command_works_on_what_its_options_say_then_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLOOP_FOLDER", "plant")
    monkeypatch.setenv("SIGHTLOOP_WORKSPACE", "line-2")
    monkeypatch.setenv("SIGHTLOOP_URL", "")
    found = load_client_settings(folder="other", workspace=None)
    assert (found.folder, found.workspace, found.url) == ("other", "line-2", "")
