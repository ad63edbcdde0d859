"""Which samples of a source show one moment: by what their names share, or by when they were captured.

A source declares {"slots": {"left": "image_2/*.png", "lidar": "velodyne/*.bin"}, "anchor": "left"}. In a pattern `*`
stands for any text within one part of a path, `**` for any text; one without either names a folder; one whose last
part has no dot leaves the ending of names out. A name that fits several slots is in the first of them by name. Without
"within_s" samples belong together whose names have the same texts under the stars. With it each sample joins the anchor
nearest in time, at most so many seconds away (the earlier of two as near), and of several in one slot the nearest
stays. "time": "name" takes the last number of 10, 13, 16 or 19 digits of a name for its Unix time in s, ms, us or ns.
What comes of it depends on what there is, not on the order it came in.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, Final

from sightloop.errors import InvalidInput

MOST_SLOTS: Final = 64
MOST_STARS: Final = 6  # a pattern of many takes ever longer to tell that it does not fit
LONGEST_S: Final = 3600.0
_FIELDS: Final = frozenset({"slots", "anchor", "within_s", "time"})
_HINT: Final = 'Write {"slots": {"left": "image_2/*.png", "lidar": "velodyne/*.bin"}, "anchor": "left"}.'
_DIGITS: Final = re.compile(r"(?<!\d)(?:\d{10}|\d{13}|\d{16}|\d{19})(?!\d)")
_STARS: Final = re.compile(r"(\*\*|\*)")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Shot:
    """One sample that may be of a group: its slot, what its name shares with others, and when it was captured.

    Attributes:
        at_ns: nanoseconds since 1970 UTC; None where nothing tells.
    """

    sample: str
    name: str
    slot: str
    key: tuple[str, ...] = ()
    at_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Grouping:
    """The anchor and the slot of each sample that is not alone, and how many are alone by slot."""

    placed: Mapping[str, tuple[str, str]]
    alone: Mapping[str, int]


def check_grouping(plan: object) -> None:
    """Nothing; raises InvalidInput where this does not say which samples belong together."""
    if plan is None:
        return
    slots = plan.get("slots") if isinstance(plan, Mapping) else None
    if not isinstance(plan, Mapping) or set(plan) - _FIELDS or not isinstance(slots, Mapping):
        raise InvalidInput("The source does not say which samples belong together.", hint=_HINT)
    named = all(isinstance(one, str) and one for pair in slots.items() for one in pair)
    if not named or not 2 <= len(slots) <= MOST_SLOTS:
        raise InvalidInput(f"The slots of a group are not 2 to {MOST_SLOTS} names with a pattern each.", hint=_HINT)
    if any(len(pattern) > 500 or len(_STARS.findall(pattern)) > MOST_STARS for pattern in slots.values()):
        raise InvalidInput(f"A pattern has more than {MOST_STARS} stars, or 500 characters.", hint=_HINT)
    if plan.get("anchor") not in slots:
        raise InvalidInput("The anchor is none of the slots.", hint=f"Name one of {', '.join(sorted(slots))}.")
    within = plan.get("within_s", 1.0)
    if isinstance(within, bool) or not isinstance(within, int | float) or not 0 < within <= LONGEST_S:
        raise InvalidInput("The tolerance of a group is no such time.", hint=f"Give seconds, up to {LONGEST_S:g}.")
    if plan.get("time", "captured") not in ("captured", "name"):
        raise InvalidInput("The time of a sample is told by something else.", hint='Say "captured" or "name".')


class Slots:
    """Where the samples of a checked plan stand, by their names."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        said = {slot: text if "*" in text else f"{text.rstrip('/')}/**" for slot, text in plan["slots"].items()}
        ends = {slot: "." in text.rpartition("/")[2] for slot, text in said.items()}
        self._patterns = [(slot, _compiled(text), ends[slot]) for slot, text in sorted(said.items())]
        self._by_name = plan.get("time") == "name"

    def shot(self, sample: str, name: str, captured_at: str) -> Shot | None:
        """The sample in its slot; None where it is in none."""
        bare = str(PurePosixPath(name).with_suffix(""))
        for slot, pattern, with_ending in self._patterns:
            if found := pattern.fullmatch(name if with_ending else bare):
                at = _told_by(name) if self._by_name else _nanoseconds(captured_at)
                return Shot(sample, name, slot, found.groups(), at)
        return None


def grouped(shots: Sequence[Shot], plan: Mapping[str, Any]) -> Grouping:
    """Which shots are of one moment under a checked plan."""
    anchor = plan["anchor"]
    anchors = sorted((one for one in shots if one.slot == anchor), key=lambda one: one.name)
    others = sorted((one for one in shots if one.slot != anchor), key=lambda one: one.name)
    pairs = _by_time(anchors, others, round(plan["within_s"] * 1e9)) if "within_s" in plan else _by_key(anchors, others)
    nearest: dict[tuple[str, str], tuple[int, Shot]] = {}
    for leader, one, distance in pairs:
        place = (leader.sample, one.slot)
        if place not in nearest or distance < nearest[place][0]:
            nearest[place] = (distance, one)
    placed = {one.sample: (leader, one.slot) for (leader, _), (_, one) in nearest.items()}
    placed |= {leader: (leader, anchor) for leader, _ in nearest}
    return Grouping(placed, Counter(one.slot for one in shots if one.sample not in placed))


def _by_time(anchors: Iterable[Shot], others: Iterable[Shot], within_ns: int) -> Iterable[tuple[Shot, Shot, int]]:
    timed = sorted(((one.at_ns, one.name, one) for one in anchors if one.at_ns is not None), key=lambda one: one[:2])
    moments = [at for at, _, _ in timed]
    for one in others:
        if one.at_ns is None or not moments:
            continue
        after = bisect_left(moments, one.at_ns)
        before = bisect_left(moments, moments[after - 1]) if after else after
        near = {abs(moments[i] - one.at_ns): i for i in (after, before) if i < len(moments)}
        distance = min(near)
        if distance <= within_ns:
            yield timed[near[distance]][2], one, distance


def _by_key(anchors: Iterable[Shot], others: Iterable[Shot]) -> Iterable[tuple[Shot, Shot, int]]:
    leaders: dict[tuple[str, ...], Shot] = {}
    for one in anchors:
        leaders.setdefault(one.key, one)
    return ((leaders[one.key], one, 0) for one in others if one.key in leaders)


def _compiled(pattern: str) -> re.Pattern[str]:
    texts = {"**": "(.*)", "*": "([^/]*)"}
    return re.compile("".join(texts.get(part) or re.escape(part) for part in _STARS.split(pattern)), re.DOTALL)


def _told_by(name: str) -> int | None:
    found = _DIGITS.findall(name.rpartition("/")[2])
    return int(found[-1]) * 10 ** (19 - len(found[-1])) if found else None


def _nanoseconds(moment: str) -> int | None:
    if not moment:
        return None
    found = datetime.fromisoformat(moment)
    return ((found if found.tzinfo else found.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1) * 1000
