"""Every error that Sightloop raises on purpose: one table of codes, one class tree.

A code decides everything once: the HTTP status, the exit code of the command line and whether a retry
may help. A message says what was asked and on which thing; the hint says what would be right and what
to do next. Paths, secrets and traces never stand in a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any


@dataclass(frozen=True, slots=True)
class Code:
    """What a code stands for: HTTP status, exit code of the command line, whether a retry may help."""

    status: int
    exit_code: int
    retryable: bool = False


CODES: Mapping[str, Code] = {
    "malformed": Code(400, 2),
    "invalid_input": Code(422, 2),
    "invalid_media": Code(422, 3),
    "invalid_bundle": Code(422, 3),
    "invalid_recipe": Code(422, 3),
    "invalid_policy": Code(422, 3),
    "unauthenticated": Code(401, 4),
    "forbidden": Code(403, 4),
    "not_found": Code(404, 5),
    "conflict": Code(409, 6),
    "refused": Code(409, 7),
    "too_large": Code(413, 3),
    "not_enough_data": Code(422, 8),
    "method_not_allowed": Code(405, 2),
    "too_slow": Code(408, 9, retryable=True),
    "rate_limited": Code(429, 9, retryable=True),
    "overloaded": Code(503, 9, retryable=True),
    "unavailable": Code(503, 9, retryable=True),
    "storage_full": Code(507, 10, retryable=True),
    "locked": Code(423, 11, retryable=True),
    "corrupt": Code(500, 12),
    "internal": Code(500, 1),
}


class SightloopError(Exception):
    """The root of the tree. `facts` are JSON values that a program may act on."""

    code = "internal"

    def __init__(self, message: str, *, hint: str = "", code: str | None = None, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.facts = facts
        if code is not None:
            self.code = code

    @property
    def status(self) -> int:
        return CODES[self.code].status

    @property
    def exit_code(self) -> int:
        return CODES[self.code].exit_code

    @property
    def retryable(self) -> bool:
        return CODES[self.code].retryable

    def problem(self) -> dict[str, Any]:
        """The error as an RFC 9457 problem document, with `code`, `hint` and `retryable` added."""
        return {
            "type": f"urn:sightloop:error:{self.code}",
            "title": self.code.replace("_", " "),
            "status": self.status,
            "detail": self.message,
            "code": self.code,
            "hint": self.hint,
            "retryable": self.retryable,
            **({"facts": self.facts} if self.facts else {}),
        }


class InvalidInput(SightloopError):
    """A value that a caller gave is not what it should be."""

    code = "invalid_input"


class Malformed(SightloopError):
    """Bytes that do not follow the protocol: lengths that do not fit, or a compression that cannot be undone."""

    code = "malformed"


class InvalidMedia(SightloopError):
    """Bytes that should be an image cannot be decoded within the limits. `facts["reason"]` names why."""

    code = "invalid_media"


class InvalidBundle(SightloopError):
    """A model bundle breaks its format."""

    code = "invalid_bundle"


class InvalidRecipe(SightloopError):
    """A training recipe breaks its format."""

    code = "invalid_recipe"


class InvalidPolicy(SightloopError):
    """A loop policy breaks its format."""

    code = "invalid_policy"


class Unauthenticated(SightloopError):
    """No valid key or session came with the request."""

    code = "unauthenticated"


class Forbidden(SightloopError):
    """The caller's role does not hold the permission."""

    code = "forbidden"


class NotFound(SightloopError):
    """The named thing does not exist in this workspace."""

    code = "not_found"


class Conflict(SightloopError):
    """The thing has changed, or exists already."""

    code = "conflict"


class Refused(SightloopError):
    """A gate, a bound or a rule of the workspace says no."""

    code = "refused"


class TooLarge(SightloopError):
    """The input is larger than the limit."""

    code = "too_large"


class NotEnoughData(SightloopError):
    """The evidence does not suffice for the decision; the hint says how much more would."""

    code = "not_enough_data"


class MethodNotAllowed(SightloopError):
    """The path exists, the method does not."""

    code = "method_not_allowed"


class TooSlow(SightloopError):
    """The body of the request did not arrive in time."""

    code = "too_slow"


class RateLimited(SightloopError):
    """Too many requests, or too many wrong keys; try again after `facts["retry_after_s"]` seconds."""

    code = "rate_limited"


class Overloaded(SightloopError):
    """A bounded queue is full; try again after `facts["retry_after_s"]` seconds."""

    code = "overloaded"


class Unavailable(SightloopError):
    """A part that is needed does not answer now."""

    code = "unavailable"


class StorageFull(SightloopError):
    """There is no room left to write; reads and deletes go on."""

    code = "storage_full"


class Locked(SightloopError):
    """Another process holds the installation folder."""

    code = "locked"


class Corrupt(SightloopError):
    """Stored bytes are not what was written."""

    code = "corrupt"


CLASSES: Mapping[str, type[SightloopError]] = {
    cls.code: cls
    for cls in (
        InvalidInput, Malformed, InvalidMedia, InvalidBundle, InvalidRecipe, InvalidPolicy, Unauthenticated,
        Forbidden, NotFound, Conflict, Refused, TooLarge, NotEnoughData, MethodNotAllowed, TooSlow, RateLimited,
        Overloaded, Unavailable, StorageFull, Locked, Corrupt, SightloopError,
    )
}  # fmt: skip


def from_problem(problem: Mapping[str, Any]) -> SightloopError:
    """The same error that the server raised, rebuilt from its problem document."""
    code = str(problem.get("code", "internal"))
    known = code if code in CODES else "internal"
    return CLASSES[known](
        str(problem.get("detail", "The server gave no detail.")),
        hint=str(problem.get("hint", "")),
        **dict(problem.get("facts", {})),
    )


def not_found(kind: str, name: str, known: Iterable[str] = (), *, hint: str = "") -> NotFound:
    """A NotFound that names the nearest existing names, so that a typing slip mends itself."""
    names = sorted(set(known))
    near = get_close_matches(name, names, n=3, cutoff=0.5) or names[:5]
    listed = f" Known: {', '.join(near)}{' ...' if len(names) > len(near) else ''}." if near else ""
    return NotFound(f'There is no {kind} "{name}".{listed}', hint=hint, kind=kind, name=name)
