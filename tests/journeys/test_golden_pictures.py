"""Eight views of the dashboard, each held against a picture of it: what nobody meant to change has not changed.

`SIGHTLOOP_RENEW_GOLDEN=1 pytest tests/journeys/test_golden_pictures.py` makes the pictures anew. Times and ids are
replaced by dots, photographs by what lies under them. A picture with what differs in red lies beside the one taken.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sightloop.interfaces.sdk import connect
from tests.journeys.browser_pages import SeatOf
from tests.journeys.served import Served
from tests.journeys.small_plant import make_plant

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400)]

GOLDEN = Path(__file__).parent / "golden"
SIZE = {"width": 1120, "height": 700}
COLOURS = 128
VIEWS = (
    "grid-dark", "facets-light", "review-dark", "evaluation-light", "lineage-light", "gates-dark", "schemas-light",
    "empty-dark",
)  # fmt: skip
# A channel may be off by what the palette of the kept picture costs; so many pixels of a thousand by more.
CHANNEL, PER_MILLE = 32, 2
_DOTS = r"""() => {
  const names = /\b[a-z]{3}_[0-9a-z]{6,}…?|\b[0-9a-f]{8,}\b…?/g
  const clock = /\b(\d{1,2} \w{3}( \d{4})?|today|yesterday|\w{3} \d{1,2})?,? ?\d{1,2}:\d{2}(:\d{2})?/g
  const span = /\b\d+ (ms|s|min|h|d|days?)( ago)?\b|just now/g
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walk.nextNode()) {
    const text = walk.currentNode
    text.data = [names, clock, span].reduce((said, one) => said.replace(one, '····'), text.data)
  }
  for (const image of document.querySelectorAll('img')) image.style.visibility = 'hidden'
}"""


@dataclass
class Plain:
    """A server on a workspace in which everything that shows is seeded, and where to look in it."""

    served: Served
    key: str
    empty: tuple[str, str]
    paths: Mapping[str, str]


@pytest.fixture(scope="module")
def browser_context_args() -> dict[str, Any]:
    return {"viewport": SIZE, "reduced_motion": "reduce"}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plain]:
    home = tmp_path_factory.mktemp("golden")
    plant = make_plant(home, mono=32)
    with connect(home / "installation") as ws:
        ws.ingest(plant.images, metadata=plant.metadata())
        samples = sorted(ws.samples.list(), key=lambda one: one.name)
        ws.schemas.create("cells", ["ok", "defect"])
        ws.schemas.create("parts", ["crack", "stain"], geometry_types=["box"])
        ws.labels.import_("cells", {one.id: plant.labels[one.name] for one in samples})
        for name, part in (("cells", samples[::2]), ("cells-test", samples[1::2])):
            ws.datasets.create(name, schema="cells")
            ws.datasets.commit(
                name, add=dict.fromkeys([one.id for one in part], "test" if part[0] is samples[1] else "train")
            )
        run = ws.train({"seed": 0}, model="cells", dataset="cells@1", test="cells-test@1")
        version = run.output.model_version
        ws.models.promote("cells", version, gate=ws.models.gate(version, minimum_auroc=0.6))
        boxes = [
            {"op": "put", "object": f"box_{at}", "label": label, "geometry_type": "box",
             "geometry": {"x": 40.0 + 70 * at, "y": 60.0 + 40 * at, "width": 60.0, "height": 90.0}}
            for at, label in enumerate(("crack", "stain", "crack"))
        ]  # fmt: skip
        ws.samples.write_objects(samples[0].id, "parts", boxes)
        queue = ws.reviews.create("cracks", schema="parts", samples=[samples[0].id])
        empty = ws.workspaces.create("nothing yet")
        key = ws.keys.create("engineer", name="a browser").secret
    with Served(home / "installation") as served:
        yield Plain(
            served,
            key,
            (empty.id, empty.secret),
            {
                "grid-dark": "/datasets/cells?sort=name",
                "facets-light": "/datasets?sort=name&view=grid",
                "review-dark": f"/review/{queue.id}",
                "evaluation-light": f"/runs/{run.id}?tab=evaluation",
                "lineage-light": "/models/cells?tab=lineage",
                "gates-dark": "/models/cells?tab=gates&v=1",
                "schemas-light": "/?settings=schemas",
                "empty-dark": "",
            },
        )


@pytest.fixture(scope="module")
def dashboard(plain: Plain) -> Served:
    """Where seats are: not at the closed loop, whose minutes these views do not need."""
    return plain.served


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_looks_as_it_did(plain: Plain, seat: SeatOf, tmp_path: Path, name: str) -> None:
    empty = name.startswith("empty")
    how: dict[str, Any] = {"key": plain.empty[1], "workspace": plain.empty[0]} if empty else {"key": plain.key}
    one = seat(at=plain.served, color_scheme=name.rsplit("-", 1)[1], **how)
    page = one.visit(plain.paths[name])
    one.settled()
    page.evaluate("() => document.fonts.ready")
    page.wait_for_timeout(1500)  # layouts come as they come
    page.evaluate(_DOTS)
    taken = tmp_path / f"{name}.png"
    page.screenshot(path=taken, animations="disabled")
    kept = GOLDEN / f"{name}.png"
    if os.environ.get("SIGHTLOOP_RENEW_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        Image.open(taken).convert("RGB").quantize(COLOURS).save(kept, optimize=True)
    share, shown = difference(Image.open(kept), Image.open(taken))
    shown.save(tmp_path / f"{name}-differs.png")
    assert share <= PER_MILLE / 1000, f"{1000 * share:.1f} ‰ of {name} differ: {tmp_path / f'{name}-differs.png'}"


def difference(kept: Image.Image, taken: Image.Image) -> tuple[float, Image.Image]:
    """The share of pixels that differ by more than the palette explains, and the picture with these in red."""
    old, new = (np.asarray(one.convert("RGB"), np.int16) for one in (kept, taken))
    if old.shape != new.shape:
        return 1.0, taken
    off = np.abs(old - new).max(axis=-1) > CHANNEL
    shown = (new // 2 + 127).astype(np.uint8)
    shown[off] = (230, 30, 30)
    return float(off.mean()), Image.fromarray(shown)
