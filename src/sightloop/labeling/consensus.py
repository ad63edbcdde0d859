"""What several answers to one question come to, and how far people agree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import median
from typing import Any

from sightloop.vision import (
    Interval,
    binomial_interval,
    krippendorff_alpha,
    matched,
    mean_interval,
    object_agreement,
)

Objects = Sequence[Mapping[str, Any]]
Thing = tuple[str, str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class AnnotatorAgreement:
    """One person: mean agreement with others, share of honeypots that were right, answers, median seconds of one."""

    agreement: float | None
    agreement_interval: tuple[float, float] | None
    honeypot_accuracy: float | None
    honeypot_interval: tuple[float, float] | None
    honeypots: int
    answers: int
    median_s: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the answers in a queue agree, with 95 % limits; None where nothing can be compared.

    Attributes:
        measure: of `overall`: "krippendorff_alpha" for classes, "object_agreement" for objects.
        by_class: specific agreement: of the objects that either of two people gave this label, twice those that both
            did, over all (Fleiss, "Measuring agreement between two judges on the presence or absence of a trait",
            Biometrics 31, 1975), over all pairs of people.
    """

    measure: str
    items: int
    overall: float | None
    overall_interval: tuple[float, float] | None
    by_class: Mapping[str, float]
    by_class_count: Mapping[str, int]
    by_annotator: Mapping[str, AnnotatorAgreement]


@dataclass(slots=True)
class Tally:
    """What one person did: seconds an answer, and for each honeypot whether the answer was right."""

    seconds: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)


def things(objects: Objects) -> list[Thing]:
    """The objects as vision compares them."""
    return [(one["label"], one["geometry_type"], one["geometry"]) for one in objects]


def agreement_of(answers: Sequence[Objects]) -> float:
    """The mean agreement of all pairs of answers, 0 to 1; see `vision.object_agreement`."""
    pairs = [object_agreement(things(a), things(b)) for a, b in combinations(answers, 2)]
    return sum(pairs) / len(pairs) if pairs else 1.0


def shares_of(answers: Sequence[Objects]) -> list[float]:
    """How far each answer agrees with the others, on average."""
    total = [0.0] * len(answers)
    for (i, a), (j, b) in combinations(enumerate(answers), 2):
        value = object_agreement(things(a), things(b))
        total[i] += value
        total[j] += value
    return [one / max(len(answers) - 1, 1) for one in total]


def chosen_of(answers: Sequence[Objects]) -> int:
    """The answer that agrees most with the others, the first of equals: among classes the one that most people gave."""
    shares = shares_of(answers)
    return shares.index(max(shares))


def agreement_report(
    by_item: Mapping[str, Mapping[str, Objects]], tallies: Mapping[str, Tally], *, classes: bool
) -> Agreement:
    """How far people agree.

    Args:
        by_item: the answers to each question that is no honeypot, by author.
        classes: whether the questions ask for one class.
    """
    compared = {item: answers for item, answers in by_item.items() if len(answers) > 1}
    means: list[float] = []
    theirs: dict[str, list[float]] = defaultdict(list)
    both: Counter[str] = Counter()
    given: Counter[str] = Counter()
    for answers in compared.values():
        held = {author: things(objects) for author, objects in answers.items()}
        means.append(agreement_of(list(answers.values())))
        for author, share in zip(answers, shares_of(list(answers.values())), strict=True):
            theirs[author].append(share)
        for a, b in combinations(held.values(), 2):
            given.update(one[0] for one in (*a, *b))
            both.update(a[i][0] for i, j in matched(a, b) if a[i][0] == b[j][0])
    said = [[_class_of(objects) for objects in answers.values()] for answers in compared.values()]
    overall = krippendorff_alpha(said) if classes else mean_interval(means)
    return Agreement(
        measure="krippendorff_alpha" if classes else "object_agreement",
        items=len(compared),
        overall=overall.value if overall else None,
        overall_interval=_limits(overall),
        by_class={label: 2 * both[label] / count for label, count in sorted(given.items())},
        by_class_count=dict(sorted(given.items())),
        by_annotator={author: _annotator(theirs[author], tally) for author, tally in sorted(tallies.items())},
    )


def _annotator(shares: Sequence[float], tally: Tally) -> AnnotatorAgreement:
    agreement = mean_interval(shares)
    honeypots = binomial_interval(sum(tally.right), len(tally.right)) if tally.right else None
    return AnnotatorAgreement(
        agreement=agreement.value if agreement else None,
        agreement_interval=_limits(agreement),
        honeypot_accuracy=honeypots.value if honeypots else None,
        honeypot_interval=_limits(honeypots),
        honeypots=len(tally.right),
        answers=len(tally.seconds),
        median_s=median(tally.seconds) if tally.seconds else None,
    )


def _limits(interval: Interval | None) -> tuple[float, float] | None:
    return (interval.lower, interval.upper) if interval else None


def _class_of(objects: Objects) -> str:
    return next((str(one["label"]) for one in objects if one["geometry_type"] == "class"), "")
