"""The source files that the guards look at."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "sightloop"


def source_files() -> list[Path]:
    """All Python files of the package."""
    return sorted(SOURCE.rglob("*.py"))
