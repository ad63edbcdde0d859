"""How a prediction lies in a segment and in the table, and how it is read back."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa

from sightloop.domain import PayloadKind, Prediction

SCHEMA: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("sequence", pa.int64()),
        pa.field("sample", pa.string()),
        pa.field("media_digest", pa.string()),
        pa.field("model_version", pa.string()),
        pa.field("deployment", pa.string()),
        pa.field("made_at", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("label", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("classes", pa.list_(pa.string())),
        pa.field("probabilities", pa.list_(pa.float64())),
        pa.field("embedding", pa.binary()),
        pa.field("brightness", pa.float64()),
        pa.field("contrast", pa.float64()),
        pa.field("blur", pa.float64()),
        pa.field("trace_id", pa.string()),
        pa.field("deadline_ms", pa.float64()),
        pa.field("latency_ms", pa.float64()),
        pa.field("purpose", pa.string()),
        pa.field("facets", pa.string()),  # JSON; null in rows from before there were facets
        pa.field("payload", pa.string()),  # JSON, of all that is no class_scores; null for those
    ]
)
LOGGED: Final = tuple(
    name for name in SCHEMA.names if name not in ("sequence", "sample", "kind", "embedding", "facets", "payload")
)


def to_table(records: Sequence[Mapping[str, Any]], first_sequence: int) -> pa.Table:
    """The segment records as rows, numbered from `first_sequence` on. Embeddings stay float16, little-endian."""
    rows = [
        {
            **{name: record[name] for name in LOGGED},
            "sequence": first_sequence + index,
            "sample": record.get("sample", ""),
            "kind": PayloadKind(record.get("kind", PayloadKind.CLASS_SCORES)).value,
            "embedding": b64decode(record["embedding"]),
            "facets": json.dumps(record.get("facets") or {}),
            "payload": json.dumps(record["payload"]) if record.get("payload") else None,
        }
        for index, record in enumerate(records)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def to_prediction(row: Mapping[str, Any], sample: str, outcome: Mapping[str, Any]) -> Prediction:
    """The prediction in this row."""
    same = ("id", "media_digest", "model_version", "deployment", "label", "score", "sequence", "trace_id", "purpose")
    measures = ("latency_ms", "deadline_ms", "brightness", "contrast", "blur")
    scores = {"classes": row["classes"], "probabilities": row["probabilities"]}
    return Prediction(
        **{name: row[name] for name in (*same, *measures)},
        sample=sample,
        made_at=datetime.fromisoformat(row["made_at"]),
        kind=PayloadKind(row["kind"]),
        payload=json.loads(row["payload"]) if row.get("payload") else scores,
        embedding=tuple(float(value) for value in np.frombuffer(row["embedding"], "<f2")),
        outcome=outcome,
        facets=json.loads(row.get("facets") or "{}"),
    )
