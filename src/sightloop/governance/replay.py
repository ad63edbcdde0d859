"""Receipts recomputed: whether the same inputs still lead to the same decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from typing_extensions import TypedDict

from sightloop.domain import Caller
from sightloop.errors import Refused
from sightloop.events import Events
from sightloop.storage import Stores

Recompute = Callable[[bytes], Mapping[str, Any]]


class Replayed(TypedDict):
    """The outcome that a receipt holds beside the one computed again; `same` where they are equal as JSON."""

    receipt: str
    kind: str
    rule: str
    same: bool
    outcome: Mapping[str, Any]
    recomputed: Mapping[str, Any]


class Replay:
    """Recomputes receipts.

    Args:
        functions: by kind of receipt, the room's pure function from the data blob to the outcome.
    """

    def __init__(self, events: Events, stores: Stores, functions: Mapping[str, Recompute]) -> None:
        self._events = events
        self._stores = stores
        self._functions = functions

    def replay(self, caller: Caller, receipt_id: str) -> Replayed:
        """The decision computed again; the two outcomes are compared as JSON.

        Raises Refused for a receipt that cannot be replayed, Corrupt or NotFound where its data are damaged or lost.
        """
        receipt = self._events.receipt(caller, receipt_id)
        function, digest = self._functions.get(receipt.kind), receipt.inputs.get("data")
        if function is None or not digest:
            raise Refused(
                f'A receipt of kind "{receipt.kind}" holds nothing to recompute.',
                hint=f"Kinds that do: {', '.join(sorted(self._functions))}.",
            )
        recomputed = function(self._stores.workspace(caller.workspace).blobs.get(str(digest)))
        return {
            "receipt": receipt.id,
            "kind": receipt.kind,
            "rule": receipt.rule,
            "same": _canonical(recomputed) == _canonical(receipt.outcome),
            "outcome": dict(receipt.outcome),
            "recomputed": dict(recomputed),
        }


def _canonical(outcome: Mapping[str, Any]) -> bytes:
    return orjson.dumps(dict(outcome), option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY)
