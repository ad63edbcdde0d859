"""What the README shows runs: its Python on real cells, its command lines through the parser of the command line."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from sightloop.interfaces.cli.tree import app
from tests.journeys.small_plant import make_plant

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400)]
README = (Path(__file__).parents[2] / "README.md").read_text()
PYTHON, COMMANDS = re.findall(
    r"^```(?:python)?\n((?:import sightloop|export SIGHTLOOP_FOLDER).*?)^```", README, re.M | re.S
)
LINES = [line.split("#")[0] for line in COMMANDS.splitlines() if line.startswith("sightloop ")]
LINES += re.findall(r"`(sightloop [^`]+)`", README)
LINES += [line.split("then:")[1].strip() for line in COMMANDS.splitlines() if "then:" in line]


def test_the_loop_in_twenty_lines_runs_and_ends_with_a_lineage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plant = make_plant(tmp_path, mono=212)
    by_content = {plant.image(name): label for name, label in plant.labels.items()}
    new = make_plant(tmp_path / "new", mono=2, skip=212)
    image = new.image(next(iter(new.labels)))
    monkeypatch.chdir(tmp_path)

    def ask_a_person(media: bytes, suggestion: object) -> str:
        return by_content[media]

    assert len(PYTHON.strip().splitlines()) <= 22
    exec(compile(PYTHON, "README.md", "exec"), {"ask_a_person": ask_a_person, "new_image": image})
    printed = capsys.readouterr().out
    assert printed.split()[0] in {"ok", "defect"}
    assert "upstream" in printed
    assert "missing=[]" in printed


@pytest.mark.parametrize("line", LINES)
def test_a_command_line_of_the_readme_parses(line: str) -> None:
    command: Any = typer.main.get_command(app)
    context = command.make_context("sightloop", shlex.split(line)[1:])
    while hasattr(command, "commands"):
        name, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, words, parent=context)
