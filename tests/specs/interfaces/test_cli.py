"""The command line, run in this process beside the opened folder that it shares."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from sightloop.errors import CODES
from sightloop.interfaces.cli.tree import app
from sightloop.interfaces.sdk import Workspace, connect
from tests.specs.interfaces.house import write_pictures

runner = CliRunner()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Workspace]]:
    folder = tmp_path_factory.mktemp("home")
    with connect(folder) as ws:
        yield folder, ws


def run(home: tuple[Path, Workspace], *words: str) -> Any:
    return runner.invoke(app, [*words, "--folder", str(home[0])])


def commands(group: Any, path: str = "sightloop") -> Iterator[tuple[str, Any]]:
    for name, found in group.commands.items():
        if hasattr(found, "commands"):
            yield from commands(found, f"{path} {name}")
        else:
            yield f"{path} {name}", found


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("path", sorted(COMMANDS))
def test_a_command_says_what_it_does_with_an_example_and_takes_json(path: str) -> None:
    found = COMMANDS[path]
    assert found.help
    assert found.epilog.startswith(f"Example: {path}")
    assert "--json" in {option for parameter in found.params for option in parameter.opts}
    assert [parameter.name for parameter in found.params if parameter.help == "" or (
        parameter.param_type_name == "option" and not parameter.help)] == []  # fmt: skip


def test_pictures_go_in_and_are_listed(home: tuple[Path, Workspace], tmp_path: Path) -> None:
    write_pictures(tmp_path, 3)
    done = run(home, "ingest", str(tmp_path), "--json")
    assert json.loads(done.stdout)["output"]["ingested"] == 3
    listed = json.loads(run(home, "samples", "list", "--json").stdout)
    assert len(listed) == 3
    assert listed[0]["id"] in run(home, "samples", "show", listed[0]["id"]).stdout


def test_an_empty_table_is_empty_json(home: tuple[Path, Workspace]) -> None:
    assert json.loads(run(home, "alert", "list", "--json").stdout) == []


def test_a_missing_thing_exits_with_its_code_and_a_hint(home: tuple[Path, Workspace]) -> None:
    failed = run(home, "receipt", "show", "rcp_nothing")
    assert failed.exit_code == CODES["not_found"].exit_code
    assert failed.stderr.startswith('Error: There is no receipt "rcp_nothing".')
    assert "Hint: " in failed.stderr


def test_a_run_that_has_ended_is_not_cancelled(home: tuple[Path, Workspace], tmp_path: Path) -> None:
    write_pictures(tmp_path, 1)
    failed = run(home, "run", "cancel", home[1].ingest(tmp_path).id)
    assert (failed.exit_code, "ended already" in failed.stderr) == (CODES["refused"].exit_code, True)


def test_with_json_an_error_is_a_problem_document(home: tuple[Path, Workspace]) -> None:
    failed = run(home, "model", "card", "cells@champion", "--json")
    assert json.loads(failed.stderr)["code"] == "not_found"


@pytest.mark.parametrize("where", ["nonsense", "{not json"])
def test_a_wrong_filter_is_refused(home: tuple[Path, Workspace], where: str) -> None:
    assert run(home, "samples", "list", "--where", where).exit_code == CODES["invalid_input"].exit_code


def test_a_wrong_policy_exits_with_its_code(home: tuple[Path, Workspace], tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("name: x\nwatsh: {}\n")
    failed = run(home, "policy", "apply", str(tmp_path / "policy.yaml"))
    assert failed.exit_code == CODES["invalid_policy"].exit_code


def test_the_stored_state_is_sound(home: tuple[Path, Workspace]) -> None:
    assert run(home, "fsck").exit_code == 0
    assert json.loads(run(home, "audit", "verify", "--json").stdout)["ok"]


def test_a_key_is_made_listed_and_revoked(home: tuple[Path, Workspace]) -> None:
    made = json.loads(run(home, "key", "create", "viewer", "--name", "anna", "--json").stdout)
    assert made["secret"].startswith("sl_")
    assert "secret" not in json.loads(run(home, "key", "list", "--json").stdout)[0]
    assert json.loads(run(home, "key", "revoke", made["id"], "--json").stdout)["revoked_at"]


def test_settings_are_shown_with_their_meaning(home: tuple[Path, Workspace]) -> None:
    rows = json.loads(run(home, "settings", "show", "--json").stdout)
    assert {"name", "value", "source", "default", "meaning"} <= rows[0].keys()


def test_the_folder_comes_from_the_environment_where_no_option_names_it(
    home: tuple[Path, Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGHTLOOP_FOLDER", str(home[0]))
    made = json.loads(runner.invoke(app, ["key", "create", "viewer", "--name", "of-this-folder", "--json"]).stdout)
    assert made["id"] in {key.id for key in home[1].keys.list()}
