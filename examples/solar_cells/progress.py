"""What the demo remembers between two starts, and what it says on the terminal."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class Notebook:
    """A small JSON file, replaced atomically. It holds measurements and the place in the stream; decisions live in the
    workspace. A stage that finished is not timed again when the demo is started a second time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._facts: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def get(self, name: str, default: Any = None) -> Any:
        return self._facts.get(name, default)

    def put(self, **facts: Any) -> None:
        self._facts.update(facts)
        draft = self._path.with_suffix(".draft")
        draft.write_text(json.dumps(self._facts, indent=1, sort_keys=True))
        os.replace(draft, self._path)


class Teller:
    """Numbered headings, indented facts and progress bars."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self._number = 0

    def heading(self, text: str) -> None:
        self._number += 1
        self.console.print(f"\n[bold]{self._number}. {text}[/bold]")

    def fact(self, text: str) -> None:
        self.console.print(f"   {text}")

    @contextmanager
    def bar(self, text: str, total: int) -> Iterator[Any]:
        columns = (TextColumn("   {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(text, total=total)
            yield lambda done: progress.update(task, completed=done)


@contextmanager
def timed(notebook: Notebook, name: str) -> Iterator[None]:
    """Adds the seconds of the block to the fact `name`: a stage that was cut short and resumed counts both parts."""
    started = time.perf_counter()
    try:
        yield
    finally:
        notebook.put(**{name: round(notebook.get(name, 0.0) + time.perf_counter() - started, 3)})
