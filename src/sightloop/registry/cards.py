"""The model card: what a version is, from what it was made, how well it does and where that ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sightloop.domain import AliasMove, GateResult, ModelVersion


def model_card(
    version: ModelVersion,
    evaluation: Mapping[str, Any],
    gates: Sequence[GateResult],
    moves: Sequence[AliasMove],
    held: Sequence[str],
) -> str:
    """Markdown after Mitchell et al., "Model Cards for Model Reporting", FAT* 2019: details, data, metrics, limits."""
    counts = {name: evaluation["label"].count(name) for name in evaluation["classes"]}
    lines = [
        f"# {version.model} v{version.number}",
        "",
        f"- Version `{version.id}`, made {version.made_at.isoformat(timespec='seconds')}",
        f"- Aliases: {', '.join(held) or 'none'}",
        f"- Bundle SHA-256 `{version.bundle_digest}`",
        f"- Classes: {', '.join(evaluation['classes'])} (label schema `{version.schema}`)",
        "",
        "## Made from",
        f"- Training data: {_trained_on(version)}",
        f"- Run `{version.run or 'none recorded'}`",
        *(f"- {name}: {value}" for name, value in _flat(version.recipe)),
        "",
        "## Evaluated on",
        f"- Frozen test version `{evaluation['test_version']}`, {len(evaluation['samples'])} samples",
        *(f"- true label {name}: {count}" for name, count in counts.items()),
        "",
        "## Metrics",
        "| metric | value |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in _flat(version.metrics)),
        "",
        "## Gates",
        *(_gate_line(gate) for gate in gates),
        *([] if gates else ["None yet."]),
        "",
        "## Moves of its aliases",
        *(f"- {m.made_at.isoformat(timespec='seconds')} {m.alias}: receipt `{m.receipt}` {m.reason}" for m in moves),
        *([] if moves else ["None yet."]),
        "",
        "## Limits",
        "The figures hold for images like those of the test version; a drift monitor tells when traffic leaves them.",
        "",
    ]
    return "\n".join(line.rstrip() for line in lines)


def _trained_on(version: ModelVersion) -> str:
    return f"dataset version `{version.dataset_version}`" if version.dataset_version else "unknown (foreign bundle)"


def _gate_line(gate: GateResult) -> str:
    verdict = "passed" if gate.passed else f"refused ({', '.join(gate.verdict['reasons'])})"
    against = f"against `{gate.champion}`" if gate.champion else "first version"
    power = gate.verdict.get("power")
    return f"- {verdict} {against}{'' if power is None else f', power {power:.2f}'}, receipt `{gate.receipt}`"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", f"{value:.4g}" if isinstance(value, float) else str(value)
