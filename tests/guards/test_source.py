"""What holds for every source file."""

import ast
from pathlib import Path

import pytest

from tests.guards.source_files import SOURCE, source_files

LONGEST = 420
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc", "manager"}
READS_PICKLE = SOURCE / "inference" / "legacy_state.py"
FORBIDDEN_CALLS = {"torch.load", "joblib.load", "yaml.load", "yaml.full_load", "yaml.unsafe_load"}
WRITTEN_ONCE = SOURCE / "storage" / "migrations" / "versions"
HANDS_ENVIRONMENT_ON = {SOURCE / "serving" / "supervisor.py"}  # to its child; it reads no setting from it
LOCAL_IMPORTS = {
    SOURCE / "interfaces" / "sdk" / "opening.py",
    SOURCE / "interfaces" / "cli" / "commanding.py",
    SOURCE / "interfaces" / "cli" / "backups.py",
    SOURCE / "interfaces" / "cli" / "installation.py",
    SOURCE / "__init__.py",
}


def test_no_file_is_too_long() -> None:
    read = [path for path in source_files() if path.parent != WRITTEN_ONCE]
    lengths = {path.relative_to(SOURCE): len(path.read_text().splitlines()) for path in read}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


def test_no_file_has_a_name_that_says_nothing() -> None:
    found = [path for path in source_files() if path.stem in FORBIDDEN_NAMES or path.stem.startswith("base_")]
    assert found == []


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_is_unpickled(path: Path) -> None:
    if path == READS_PICKLE:
        return
    tree = ast.parse(path.read_text())
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in ([ast.alias(node.module or "")] if isinstance(node, ast.ImportFrom) else node.names)
    }
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not imported & {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
    assert not called & FORBIDDEN_CALLS
    assert "allow_pickle=True" not in ast.unparse(tree)


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_first_party_import_hides_in_a_function(path: Path) -> None:
    if path in LOCAL_IMPORTS:
        return
    hidden = [
        node.lineno
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sightloop")
    ]
    assert hidden == []


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_settings_read_the_environment(path: Path) -> None:
    if path in HANDS_ENVIRONMENT_ON:
        return
    tree = ast.parse(path.read_text())
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    keywords = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
    assert not names & {"environ", "getenv"}
    assert "envvar" not in keywords
