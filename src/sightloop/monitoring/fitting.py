"""Making a reference: what is thinned away, what is backtested, and whether the bound can be claimed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sightloop.errors import NotEnoughData
from sightloop.monitoring.reference import (
    LEAST_CELL,
    LEAST_REFERENCE,
    Cell,
    Floats,
    Outlook,
    Reference,
    fit_points,
    lines_of,
)
from sightloop.vision import backtest, order_shows, places_of, thinning

Scored = tuple[Floats, Outlook]


def fit_reference(
    model_version: str,
    fit: Outlook,
    held_out: Outlook,
    *,
    kinds: Sequence[str],
    alpha: float,
    regime: Sequence[str] = (),
    slices: Sequence[str] = (),
    answered: Outlook | None = None,
    audited: tuple[Sequence[float], Sequence[float]] = ((), ()),
) -> Reference:
    """The reference fitted on `fit` and scored on `held_out` (in time order), with its own backtest.

    Args:
        regime, slices: facets; `held_out` says which regime and slices each image belongs to.
        answered: earlier predictions of the deployment in time order, the reference of "latency".

    Raises:
        NotEnoughData: no regime has 20 images, or "latency" has fewer than 60 answers to compare with.
    """
    counts = np.bincount(np.asarray(fit.probabilities).argmax(axis=1), minlength=fit.probabilities.shape[1])
    shares = tuple(map(float, counts / counts.sum()))
    bare = Reference(
        model_version, held_out.samples, fit.samples, tuple(kinds), tuple(regime), tuple(slices), *fit_points(fit),
        shares, {}, {}, (tuple(audited[0]), tuple(audited[1])), {}, {}, (),
    )  # fmt: skip
    scored: dict[str, Scored] = {kind: (values, held_out) for kind, values in bare.score(held_out).items()}
    if "latency" in kinds:
        if answered is None or answered.latency_ms is None or len(answered.samples) < LEAST_REFERENCE:
            raise NotEnoughData(
                f"{0 if answered is None else len(answered.samples)} answers of this version are too few for latency.",
                hint=f"Watch latency once the deployment has answered {LEAST_REFERENCE}, or leave it out.",
            )
        scored["latency"] = (answered.latency_ms, answered)
    strides, why = {}, []
    for kind, (values, seen) in scored.items():
        strides[kind], reason = _stride(kind, values, seen.cells(""))
        why += reason
    lines = lines_of(kinds, slices)
    # The union bound over lines gives each alpha / k (vision.DriftMartingale), so each is backtested at that level.
    level, scores, cells, tests = alpha / len(lines), {}, {}, {}
    for line, (kind, facet) in lines.items():
        scores[line], cells[line] = _kept(*scored[kind], facet, strides[kind])
        if not scores[line]:
            raise NotEnoughData(
                f'No part of the reference of "{line}" has {LEAST_CELL} images.',
                hint="Give a larger reference, or declare fewer regimes and slices.",
            )
        tests[line] = backtest(scores[line], level, seed=0, cells=cells[line]) if len(scores[line]) >= 30 else None
        test = tests[line]
        if test is None:
            why.append(f'"{line}" has {len(scores[line])} reference images, too few for a backtest')
        elif not test.guarantee:
            why.append(f'the backtest of "{line}" alarmed in {test.rate:.0%} of its replays, more than {level:.2%}')
        if order_shows(scores[line], cells[line]):
            why.append(f'the order of the reference shows in "{line}"')
    return replace(
        bare, scores=scores, cells=cells, stride=strides, why=tuple(dict.fromkeys(why)),
        backtests={line: test.as_dict() for line, test in tests.items() if test is not None},
    )  # fmt: skip


def _stride(kind: str, values: Floats, cells: Sequence[Cell]) -> tuple[int, list[str]]:
    """Every so many images of a regime one is watched, and what speaks against the bound if they are too few for it."""
    wanted = thinning(values, cells)
    most = max(1, len(values) // LEAST_REFERENCE)
    if wanted <= most:
        return wanted, []
    return most, [f'neighbours are alike in "{kind}": one image in {wanted} would have to do, and that leaves too few']


def _kept(values: Floats, seen: Outlook, facet: str, stride: int) -> tuple[list[float], list[Cell]]:
    """Scores and cells that a line compares with: thinned within each regime, without cells that are too small."""
    regimes = places_of(seen.cells(""), len(values)).values()
    places = np.sort(np.concatenate([where[::stride] for where in regimes]))
    cells = seen.cells(facet)
    sizes = Counter(cells[place] for place in places)
    kept = [place for place in places if sizes[cells[place]] >= min(LEAST_CELL, len(places))]
    return [float(values[place]) for place in kept], [cells[place] for place in kept]
