"""The command line: `sightloop NOUN VERB`, a thin skin over the SDK."""

from __future__ import annotations

from sightloop.interfaces.cli.tree import main

__all__ = ["main"]
