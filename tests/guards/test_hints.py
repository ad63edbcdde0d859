"""A hint that names a command names one that exists."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from sightloop.interfaces.cli.tree import app
from tests.guards.source_files import SOURCE, source_files

TREE: Any = typer.main.get_command(app)
COMMAND = re.compile(r"\bsightloop ([a-z]+)(?: ([a-z-]+))?")


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_named_command_exists(path: Path) -> None:
    texts = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
    named = [match.groups() for text in texts if isinstance(text, str) for match in COMMAND.finditer(text)]
    assert [words for words in named if not _exists(*words)] == []


def _exists(noun: str, verb: str | None) -> bool:
    if noun not in TREE.commands:
        return False
    verbs = getattr(TREE.commands[noun], "commands", None)
    return verbs is None or verb in verbs
