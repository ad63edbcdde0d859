"""Wrong labels found: shares of the clear ELPV cells get the other label, and what is suspected is counted.

`python -m benchmarks.label_errors`. Recall: exchanged labels that are suspected. Precision: suspected labels that were
exchanged; some of the rest are wrong in the data set itself, which nobody knows. First hundred: exchanged among the
hundred worst.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.label_data import CACHE, clear_cells
from benchmarks.results import keep
from sightloop.domain import VersionEntry
from sightloop.training.label_errors import suspected

SHARES = (0.02, 0.05, 0.1)
SEEDS = range(300, 305)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=CACHE, help="Where embeddings are kept.")
    data = clear_cells(parser.parse_args().cache)
    labels, features = np.asarray(data.truth), np.asarray(data.features, np.float32)
    rows = []
    for share in SHARES:
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            wrong = set(rng.choice(len(labels), round(share * len(labels)), replace=False).tolist())
            told = [str(1 - label if i in wrong else label) for i, label in enumerate(labels.tolist())]
            entries = [
                VersionEntry(str(i), f"{i:064}", "train", "", 1, one, "person", "") for i, one in enumerate(told)
            ]
            found = suspected(entries, features, [str(i) for i in range(len(labels))])
            contradicted = [int(one.sample) for one in found]
            confident = [int(one.sample) for one in found if one.confident]
            rows.append(
                {"share": share, "seed": seed, **figures(contradicted, wrong),
                 **{f"confident_{name}": value for name, value in figures(confident, wrong).items()}}
            )  # fmt: skip
            print(rows[-1], flush=True)
    keep("label_errors", {"data": "elpv, clear cells", "samples": len(labels), "trials": rows, "mean": means(rows)})


def figures(ranked: list[int], wrong: set[int]) -> dict[str, float]:
    """Recall, precision, and how many of the hundred worst were exchanged."""
    hit = len(wrong.intersection(ranked))
    return {
        "suspected": len(ranked),
        "recall": round(hit / len(wrong), 4),
        "precision": round(hit / max(1, len(ranked)), 4),
        "first_hundred": round(len(wrong.intersection(ranked[:100])) / min(100, len(wrong)), 4),
    }


def means(rows: list[dict[str, Any]]) -> list[dict[str, float]]:
    return [
        {"share": share, **{name: round(float(np.mean([row[name] for row in rows if row["share"] == share])), 4)
                            for name in rows[0] if name not in ("share", "seed")}}
        for share in SHARES
    ]  # fmt: skip


if __name__ == "__main__":
    main()
