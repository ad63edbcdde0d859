"""Sightloop: the open system that closes the computer-vision loop. This door is lazy: it imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["SightloopError", "Workspace", "__version__", "connect"]

if TYPE_CHECKING:
    from sightloop.errors import SightloopError
    from sightloop.interfaces.sdk import Workspace, connect


def __getattr__(name: str) -> Any:
    if name == "SightloopError":
        from sightloop.errors import SightloopError

        return SightloopError
    if name in {"Workspace", "connect"}:
        from sightloop.interfaces import sdk

        return getattr(sdk, name)
    raise AttributeError(f"module 'sightloop' has no attribute {name!r}")
