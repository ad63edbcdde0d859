"""Does the accuracy that is stated without labels hold on labels that were held back? `python -m benchmarks.estimate`

ELPV's clear cells through the product's own features, head, calibration, monitor and estimate. Each split draws all
parts anew and disjoint: a head is trained and calibrated, a frozen test is labelled (the calibration gap comes from
it), a monitor is fitted (embedding and score, alpha 1 %), and a stream without labels goes by. The head of "mixed"
knows mono and poly cells, that of "mono" mono cells only. Streams: no change; other shares of defects; mono to poly at
once, by a third and by a tenth of the traffic; corruptions of 80 cells that nothing else uses.

At each moment the product is asked as `sightloop monitor estimate` asks it, and its limits are compared with the
accuracy on the labels of the very images that it speaks of: share of splits where they cover it, their width, and in
how many splits it says itself that it is not to be relied on. At the end 60 images are audited at random. Beside it:
the estimate without a frozen test, and confidences taken at their word (their mean and its binomial spread).

Images are never drawn twice within a split, but all splits draw from the same 2,223, so that they are not independent.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.drift_features import CACHE, Cells, Images, load_cells, load_corrupted
from benchmarks.results import keep
from sightloop.domain import PayloadKind, Prediction, now
from sightloop.monitoring.estimates import audit_of, drawn, estimate_of, window_of
from sightloop.monitoring.fitting import fit_reference
from sightloop.monitoring.fold import Fold
from sightloop.monitoring.reference import Outlook, Reference
from sightloop.training.head import Head, fit_head
from sightloop.vision import accuracy_interval

Ints = npt.NDArray[np.int64]
Row = dict[str, Any]

SEED, ALPHA, LEVEL, Z, AUDITS = 41, 0.01, 0.95, 1.959964, 60
CALM = 150
MOMENTS = (5, 10, 20, 40, 80)  # images after the change
CORRUPTED = [
    (name, strength)
    for name in ("brightness", "contrast", "defocus_blur", "gaussian_noise", "jpeg")
    for strength in (1, 3)
]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many images each part has."""

    train: int
    test: int
    reference: int


PLANTS = {"mixed": Sizes(500, 200, 200), "mono": Sizes(220, 150, 150)}


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Images as the model answers them: probabilities (N, 2), embeddings (N, 256), and the truth held back (N,)."""

    probabilities: npt.NDArray[np.float64]
    embeddings: npt.NDArray[np.float64]
    truth: Ints

    def take(self, places: Ints) -> Seen:
        """Those at the places."""
        return Seen(self.probabilities[places], self.embeddings[places], self.truth[places])

    def then(self, other: Seen) -> Seen:
        """These, then the others."""
        return Seen(*(np.concatenate([a, b]) for a, b in zip(self._columns(), other._columns(), strict=True)))

    def outlook(self, prefix: str) -> Outlook:
        names = tuple(f"{prefix}{i}" for i in range(len(self.truth)))
        return Outlook(names, self.probabilities.astype(np.float32), self.embeddings.astype(np.float32))

    def correct(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.probabilities.argmax(axis=1) == self.truth)

    def _columns(self) -> tuple[npt.NDArray[Any], ...]:
        return self.probabilities, self.embeddings, self.truth


class Plant:
    """One split: a trained head, a monitor's reference, and what is left for streams."""

    def __init__(self, name: str, cells: Cells, corrupted: Mapping[tuple[str, int], Images], seed: int) -> None:
        self.rng = np.random.default_rng([SEED, seed, len(name)])
        clear = np.isin(cells.probability, (0.0, 1.0))
        known = cells.mono & clear if name == "mono" else clear
        pool = self.rng.permutation(np.setdiff1d(np.flatnonzero(known), cells.bases))
        sizes, truth = PLANTS[name], (cells.probability > 0.5).astype(np.int64)
        train, test, held, self.rest = np.split(pool, np.cumsum([sizes.train, sizes.test, sizes.reference]))
        self._head: Head = fit_head(
            cells.images.features[train], truth[train], [str(one) for one in train], classes=2, seed=seed
        )
        self.seen = self._answered(cells.images, truth)
        self.mono, self.poly = cells.mono, self.rng.permutation(np.flatnonzero(~cells.mono & clear))
        self._corrupted = {key: self._answered(images, truth[cells.bases]) for key, images in corrupted.items()}
        tested = self.seen.take(test)
        audited = tested.probabilities.max(axis=1).tolist(), tested.correct().astype(float).tolist()
        self.reference: Reference = fit_reference(
            "mdv", self.seen.take(train[:300]).outlook("fit-"), self.seen.take(held).outlook("held-"),
            kinds=("embedding", "score"), alpha=ALPHA, audited=audited,
        )  # fmt: skip

    def streams(self, name: str) -> Iterator[tuple[str, Seen, Sequence[int]]]:
        """Name, images in order, and the moments (images seen by then) at which the estimate is asked for."""
        rest = self.seen.take(self.rest)
        if name == "mixed":
            yield "mixed: no change", rest.take(np.arange(1000)), (100, 200, 400, 1000)
            for share in (0.1, 0.6):
                yield f"mixed: {share:.0%} defects", self._with_share(rest, share, 400), (100, 200, 400)
            return
        yield "mono: no change", rest.take(np.arange(min(300, len(rest.truth)))), (100, 200, 300)
        calm, left = rest.take(np.arange(CALM)), np.arange(CALM, len(rest.truth))
        for share in (0.1, 1 / 3, 1.0):
            if share == 1:
                mixed = self.seen.take(self.poly[:400])
            else:
                others = self.seen.take(self.poly[: int(len(left) * share / (1 - share))])
                mixed = rest.take(left).then(others)
                mixed = mixed.take(self.rng.permutation(len(mixed.truth)))
            yield f"mono: {share:.0%} poly", calm.then(mixed), self._moments(len(mixed.truth))
        for (kind, strength), images in self._corrupted.items():
            order = self.rng.permutation(len(images.truth))
            yield f"mono: {kind} {strength}", calm.then(images.take(order)), self._moments(len(order))

    def _moments(self, length: int) -> list[int]:
        return [CALM, *(CALM + after for after in MOMENTS if after < length), CALM + length]

    def _with_share(self, rest: Seen, share: float, length: int) -> Seen:
        bad, good = np.flatnonzero(rest.truth == 1), np.flatnonzero(rest.truth == 0)
        count = min(round(share * length), len(bad))
        return rest.take(self.rng.permutation(np.concatenate([bad[:count], good[: length - count]])))

    def _answered(self, images: Images, truth: Ints) -> Seen:
        return Seen(self._head.probabilities(images.features), self._head.projection(images.features), truth)


def main() -> int:
    """Exit status 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=100)
    parser.add_argument("--cache", type=Path, default=CACHE)
    given = parser.parse_args()
    began, cells = time.monotonic(), load_cells(given.cache)
    every = load_corrupted(cells, given.cache)
    corrupted = {key: every[key] for key in CORRUPTED}
    rows: dict[str, list[Row]] = {}
    for split in range(given.splits):
        for name in PLANTS:
            plant = Plant(name, cells, corrupted, split)
            for stream, images, moments in plant.streams(name):
                rows.setdefault(stream, []).append(watched(plant.reference, images, moments, f"{split}-{stream}"))
        print(f"split {split + 1} of {given.splits}, {time.monotonic() - began:.0f} s", flush=True)
    keep("estimate", {
        "splits": given.splits, "level": LEVEL, "alpha": ALPHA, "audits": AUDITS, "calm_images": CALM,
        "sizes": {name: [sizes.train, sizes.test, sizes.reference] for name, sizes in PLANTS.items()},
        "streams": {stream: told(found) for stream, found in rows.items()},
        "seconds": round(time.monotonic() - began),
    })  # fmt: skip
    return 0


def watched(reference: Reference, images: Seen, moments: Sequence[int], salt: str) -> Row:
    """What was said of the stream at each moment, and what was true of the images it was said of."""
    fold, log = Fold(reference, ALPHA), predictions(images, salt)
    correct = dict(zip((one.id for one in log), images.correct(), strict=True))
    found: Row = {"moments": {}, "bounded": reference.bounded}
    start = 0
    for end in moments:
        fold.run(log[start:end])
        start = end
        found["moments"][end] = _asked(fold, correct)
    ids = [fold.history["prediction"][place] for place in window_of(fold, None)]
    asked = drawn(salt, ids, AUDITS)
    said = {one.id: one.label for one in log}
    truth = {one.id: str(label) for one, label in zip(log, images.truth, strict=True)}
    estimate = estimate_of(fold)
    audit, share = audit_of(estimate, asked, said, truth), float(np.mean([correct[one] for one in ids]))
    last = found["moments"][moments[-1]]
    found["audit"] = {
        "covered": audit["lower"] <= share <= audit["upper"], "width": audit["upper"] - audit["lower"],
        "refuted": audit["verdict"] == "refuted", "estimate_covered": last["covered"],
    }  # fmt: skip
    fold.reference = replace(reference, audited=((), ()))
    found["without_test"] = _asked(fold, correct)
    confidence = np.array([fold.history["confidence"][place] for place in window_of(fold, None)])
    reach = Z * float(np.sqrt((confidence * (1 - confidence)).mean() / len(confidence)))
    found["taken_at_word"] = {"covered": abs(confidence.mean() - share) <= reach, "width": 2 * reach}
    found["accuracy_after_change"] = float(images.correct()[CALM:].mean())
    return found


def _asked(fold: Fold, correct: Mapping[str, Any]) -> Row:
    """The estimate now, against the truth of the images in its window."""
    said = estimate_of(fold)
    share = float(np.mean([correct[fold.history["prediction"][place]] for place in window_of(fold, None)]))
    return {
        "covered": said["lower"] <= share <= said["upper"], "width": said["upper"] - said["lower"],
        "error": said["value"] - share, "truth": share, "relied_on": said["relied_on"], "doubt": said["doubt"],
        "alarmed": fold.martingale.alarmed,
    }  # fmt: skip


def predictions(images: Seen, salt: str) -> list[Prediction]:
    """The images as entries of the prediction log."""
    at, top = now(), images.probabilities.argmax(axis=1)
    return [
        Prediction(
            f"{salt}-{i}", "", "", "mdv", "line", at, PayloadKind.CLASS_SCORES,
            {"classes": ["0", "1"], "probabilities": images.probabilities[i].tolist()}, str(top[i]),
            float(images.probabilities[i].max()), embedding=tuple(images.embeddings[i].tolist()), sequence=i + 1,
        )
        for i in range(len(top))
    ]  # fmt: skip


def told(found: Sequence[Row]) -> Row:
    """Over the splits of one stream: what was covered at each moment, and by the audit at the end."""
    audits = [row["audit"] for row in found]
    missed = [one["refuted"] for one in audits if not one["estimate_covered"]]
    held = [one["refuted"] for one in audits if one["estimate_covered"]]
    return {
        "splits": len(found),
        "monitors_without_bound": sum(not row["bounded"] for row in found),
        "accuracy_after_change": round(float(np.mean([row["accuracy_after_change"] for row in found])), 4),
        "moments": {str(end): _share([row["moments"][end] for row in found]) for end in found[0]["moments"]},
        "audit_at_the_end": {
            "covered": _rate([one["covered"] for one in audits]),
            "width": round(float(np.mean([one["width"] for one in audits])), 4),
            "estimates_that_missed": len(missed), "of_these_refuted": sum(missed),
            "estimates_that_held": len(held), "of_these_refuted_wrongly": sum(held),
        },
        "without_frozen_test": _widths([row["without_test"] for row in found]),
        "confidences_at_their_word": _widths([row["taken_at_word"] for row in found]),
    }  # fmt: skip


def _share(said: Sequence[Row]) -> Row:
    relied = [one for one in said if one["relied_on"]]
    return {
        "all": _widths(said), "relied_on": _widths(relied), "alarmed": sum(one["alarmed"] for one in said),
        "limits_say_nothing": sum(one["width"] > 0.99 for one in said),
        "truth": round(float(np.mean([one["truth"] for one in said])), 4),
        "mean_error_relied_on": round(float(np.mean([one["error"] for one in relied])), 4) if relied else None,
    }  # fmt: skip


def _widths(said: Sequence[Row]) -> Row:
    if not said:
        return {"n": 0}
    width = round(float(np.mean([one["width"] for one in said])), 4)
    return {**_rate([bool(one["covered"]) for one in said]), "width": width}


def _rate(covered: Sequence[bool]) -> Row:
    """How many of how many, with the 95 % limits of Clopper and Pearson."""
    found = accuracy_interval(covered)
    return {"n": len(covered), "covered": int(sum(covered)), "share": round(found.value, 4),
            "limits": [round(found.lower, 4), round(found.upper, 4)]}  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
