"""The decision to accept a region, made from plain data, so that a receipt can be replayed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from sightloop.domain import digest_of
from sightloop.errors import Corrupt
from sightloop.labeling.plan import Purpose, audit_order, test_of

RULE: Final = "betting-audit-shrinking-region/1"


def canonical(value: Any) -> bytes:
    """The value as JSON with sorted keys: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def decide(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Whether the region is certified, which labels that accepts, and the evidence; pure.

    Args:
        inputs: {"attempt": counted from 1, "eps", "alpha": of the campaign, "seed", "region": sample ids, "labels": the
            proposed class of each, "seen": [[sample, answer, purpose], ...] in the order of the questions}. An empty
            answer, which a person could not or would not give, counts as a wrong label.

    Raises:
        Corrupt: an audit is out of the order that the seed fixed, so that nothing can be concluded.
    """
    region, labels = list(inputs["region"]), list(inputs["labels"])
    position = {sample: i for i, sample in enumerate(region)}
    found: list[tuple[Purpose, bool]] = []
    order = [int(i) for i in audit_order(inputs["attempt"], len(region), inputs["seed"])]
    seen: set[int] = set()
    at = 0
    for sample, answer, purpose in inputs["seen"]:
        i = position[sample]
        if purpose == Purpose.AUDIT:
            while order[at] in seen:
                at += 1
            if order[at] != i:
                raise Corrupt(
                    "An audit is not the next sample of the random order.",
                    hint="The receipt's data were changed, or the audits were chosen: trust none of these labels.",
                    sample=sample,
                )
        seen.add(i)
        found.append((Purpose(purpose), answer != labels[i]))
    test = test_of(len(region), found, inputs["attempt"], inputs["eps"], inputs["alpha"])
    rest = [i for i in range(len(region)) if i not in seen] if test.certified else []
    accepted = sorted([region[i], labels[i]] for i in rest)
    return {
        "certified": test.certified,
        "accepted": len(accepted),
        "accepted_digest": digest_of(canonical(accepted)),
        "evidence": test.verdict().as_dict(),
    }


def replay_acceptance(data: bytes) -> dict[str, Any]:
    """The outcome that a "labels.accept" receipt must state, recomputed from its data."""
    decided = decide(json.loads(data))
    return {key: decided[key] for key in ("certified", "accepted", "accepted_digest")}
