"""Processes that may die: forked from one that has loaded everything and opened nothing, so each starts in no time."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
LOADED = "tests.journeys.loaded"
LONGEST_S = 400.0


def run(function: Callable[..., Any], *arguments: Any, answer: Path) -> tuple[int, Any]:
    """The exit code, negative for a signal, and what the function returned; of one that raised, its traceback."""
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    _CONTEXT.set_forkserver_preload([function.__module__, LOADED])
    process = _CONTEXT.Process(target=_call, args=(function, arguments, answer))
    process.start()
    process.join(LONGEST_S)
    if process.is_alive():
        process.kill()
        process.join()
        raise AssertionError(f"{function.__name__} did not end within {LONGEST_S:.0f} s")
    code = process.exitcode
    assert code is not None
    return code, json.loads(answer.read_text()) if answer.exists() else None


def _call(function: Callable[..., Any], arguments: tuple[Any, ...], answer: Path) -> None:
    try:
        said = function(*arguments)
    except BaseException:
        answer.write_text(json.dumps(traceback.format_exc()))
        raise SystemExit(1) from None
    answer.write_text(json.dumps(said, default=str))
