"""Uploads, ingest, samples and quarantine."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final, Literal

from anyio.to_thread import run_sync
from fastapi import Query, Response
from pydantic import Field

from sightloop.datasets import Claims, Group, Hit, Measured, NearDuplicateReport, Outliers, QuarantineEntry, SampleMap
from sightloop.domain import Annotation, Permission, Run, Sample
from sightloop.errors import InvalidInput
from sightloop.interfaces.api.answers import ARROW, arrow, arrow_stream, attachment, picture, ranged, unchanged
from sightloop.interfaces.api.credentials import require_installation_owner
from sightloop.interfaces.api.parsing import (
    AllOrLimit,
    Body,
    Cursor,
    Limit,
    Listed,
    Where,
    filter_of,
    items_of,
    page_of,
)
from sightloop.interfaces.api.routing import Ask, Routes

routes = Routes("samples")
_PLAYED: Final = {"MP4": "video/mp4", "WEBM": "video/webm"}

Fields = Annotated[str, Query(description="Names of columns, with commas between them; empty for all.")]
Low = Annotated[float | None, Query(description="What is shown darkest, in the unit of the sample's reading.")]
High = Annotated[float | None, Query(description="What is shown brightest, in the unit of the sample's reading.")]
Palette = Annotated[Literal["", "grey", "iron", "rainbow"], Query(description="Colours of measurements.")]
MostPoints = Annotated[int, Query(ge=1, le=2_000_000, description="How many at most, evenly chosen.")]
Part = Annotated[str, Query(description='"content", "said" (what is said of the samples), or empty for both.')]
Newest = Annotated[int, Query(ge=0, le=1000, description="Only so many, those that come first; 0 for all.")]
By = Annotated[str, Query(description='What the newest=N are chosen by: a column; with "-" the largest first.')]
LongestPx = Annotated[int | None, Query(ge=16, le=16_383, description="Longest side in pixels.")]


class Ingest(Body):
    source: dict[str, Any]
    metadata: dict[str, dict[str, Any]] | None = None


class Region(Body):
    geometry_type: str = "class"
    geometry: dict[str, Any] | None = None


class Search(Body):
    sample: str | None = None
    image: str | None = Field(None, max_length=64 << 20)
    text: str = Field("", max_length=1000)
    k: int = Field(20, ge=1, le=1000)
    where: dict[str, Any] | None = None


class NewMap(Body):
    where: dict[str, Any] | None = None
    version: str | None = None


class Look(Body):
    where: dict[str, Any] | None = None


class Thumbs(Body):
    samples: list[str] = Field(max_length=256)


class Replay(Body):
    ids: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Staged:
    """The digest of staged bytes."""

    digest: str


@dataclass(frozen=True, slots=True)
class Counted:
    """How many."""

    count: int


@dataclass(frozen=True, slots=True)
class Written:
    """What a document says."""

    text: str


@routes.post("/uploads", permission=Permission.INGEST, takes="application/octet-stream")
async def upload(ask: Ask, name: str, keep_identity: bool = False) -> Staged:
    """The digest of the bytes, staged for an ingest or an import; DICOM comes under pseudonyms unless it is kept."""
    data = await ask.request.body()
    staged = partial(ask.installation.datasets.upload, ask.caller, name, data, keep_identity=keep_identity)
    return Staged(await run_sync(staged))


@routes.post("/ingests", permission=Permission.INGEST)
def ingest(ask: Ask, body: Ingest) -> Run:
    """The run that makes samples of a source. A path on the server's disk may be named by its owner only.

    The disk holds other workspaces too, so the admin of one of them is not enough.
    """
    if "path" in body.source:
        require_installation_owner(ask.caller)
    return ask.installation.datasets.ingest(ask.caller, body.source, metadata=body.metadata)


@routes.get("/samples", permission=Permission.READ)
def list_samples(ask: Ask, where: Where = None, limit: Limit = 100, cursor: Cursor = "") -> Listed[Sample]:
    """Samples that match, by id."""
    page = ask.installation.datasets.samples(ask.caller, filter_of(where), limit, cursor)
    return Listed(page.items, page.cursor)


@routes.get("/samples/count", permission=Permission.READ)
def count_samples(ask: Ask, where: Where = None) -> Counted:
    """How many samples match."""
    return Counted(ask.installation.datasets.count(ask.caller, filter_of(where)))


@routes.get("/samples/columns", permission=Permission.READ, gives=ARROW)
def show_columns(
    ask: Ask,
    where: Where = None,
    version: str | None = None,
    fields: Fields = "",
    part: Part = "",
    newest: Newest = 0,
    by: By = "-ingested_at",
) -> Response:
    """What is known of the samples that match, column by column, as an Arrow IPC stream.

    The schema's metadata tell, as JSON under "sightloop", the `total`, the `pointer`, the `version`, and which columns
    are fit for `facets` or are `numbers`. The parts "content" and "said" have the same rows in the same order where
    `pointer` and `version` are the same.
    """
    sheet, predictions = ask.installation.datasets.sheet, ask.installation.predictions
    names = [one for one in fields.split(",") if one]
    asked = sheet.asked(ask.caller, filter_of(where), version, names, part, newest, by)
    stamp = sheet.stamp(ask.caller, asked, predictions.newest_stamp(ask.caller))
    seal = "|".join((ask.caller.workspace, stamp, where or "", fields))
    if (held := unchanged(ask.request, seal)) is not None:
        return held
    bare = part == "content" or newest > 0
    claims = Claims() if bare else Claims(*predictions.newest(ask.caller))
    return arrow_stream(ask.request, sheet.stream(ask.caller, asked, claims, stamp), seal)


@routes.get("/groups", permission=Permission.READ)
def list_groups(ask: Ask, where: Where = None, limit: Limit = 100, cursor: Cursor = "") -> Listed[Group]:
    """Samples of one moment, by the id of their group: all of each group of which any sample matches."""
    page = ask.installation.datasets.groups(ask.caller, filter_of(where), limit, cursor)
    return Listed(page.items, page.cursor)


@routes.get("/samples/near-duplicates", permission=Permission.READ)
def find_near_duplicates(ask: Ask, where: Where = None) -> NearDuplicateReport:
    """Groups of samples that look the same.

    Of more than 5,000 samples it is what the last run found that looked at them; `made_at` is null before there was
    one.
    """
    return ask.installation.datasets.duplicates.found(ask.caller, filter_of(where))


@routes.post("/near-duplicates", permission=Permission.DATASET_WRITE)
def look_for_near_duplicates(ask: Ask, body: Look) -> Run:
    """The run that looks for near-duplicates among what matches; the same one as long as the samples are the same."""
    return ask.installation.datasets.duplicates.start(ask.caller, body.where)


@routes.get("/samples/outliers", permission=Permission.READ)
def list_outliers(ask: Ask, where: Where = None, limit: Limit = 100) -> Outliers:
    """The samples farthest from their ten nearest neighbours, with their mean cosine distance, farthest first.

    Of more than 5,000 samples it is what the last run found that looked at them; `made_at` is null before there was
    one.
    """
    return ask.installation.datasets.outliers.found(ask.caller, filter_of(where), limit)


@routes.post("/embeddings", permission=Permission.DATASET_WRITE)
def embed_samples(ask: Ask) -> Run:
    """The run that embeds the samples that have no vector of the present embedder."""
    return ask.installation.datasets.embed(ask.caller)


@routes.post("/outliers", permission=Permission.DATASET_WRITE)
def find_outliers(ask: Ask, body: Look) -> Run:
    """The run that looks for outliers among what matches; the same one as long as the samples are the same."""
    return ask.installation.datasets.outliers.start(ask.caller, body.where)


@routes.post("/maps", permission=Permission.DATASET_WRITE)
def make_map(ask: Ask, body: NewMap) -> Run:
    """The run that lays the stored embeddings out in the plane: of what matches, or of a dataset version."""
    return ask.installation.datasets.make_map(ask.caller, body.where, body.version)


@routes.get("/maps", permission=Permission.READ)
def list_maps(ask: Ask) -> Listed[SampleMap]:
    """The maps, newest first, each with the method that made it."""
    return items_of(ask.installation.datasets.maps(ask.caller))


@routes.get("/maps/{map}/columns", permission=Permission.READ, gives=ARROW)
def show_map_columns(ask: Ask, map: str) -> Response:
    """Where each sample of a map lies, as an Arrow IPC stream: `id`, `x`, `y`."""
    table = ask.installation.datasets.map_columns(ask.caller, map)
    return arrow(ask.request, table, f"{ask.caller.workspace}|{map}")


@routes.post("/samples/search", permission=Permission.READ, kept=False)
def search_samples(ask: Ask, body: Search) -> Listed[Hit]:
    """The samples that fit best: that match the filter, hold all words of the text, and look most alike.

    What they look like is a sample or an image (base64). Without one, those that hold the words best come first.
    """
    try:
        image = None if body.image is None else base64.b64decode(body.image, validate=True)
    except ValueError as error:
        raise InvalidInput("The image is not base64.", hint="Encode its bytes with base64.") from error
    return items_of(
        ask.installation.datasets.search(
            ask.caller, sample=body.sample, image=image, text=body.text, k=body.k, where=body.where
        )
    )


@routes.post("/search-index", permission=Permission.DATASET_WRITE)
def index_samples(ask: Ask) -> Run:
    """The run that makes the indexes of words and vectors, or brings them up to date; ingests do the second."""
    return ask.installation.datasets.index(ask.caller)


@routes.get("/samples/{sample}", permission=Permission.READ)
def show_sample(ask: Ask, sample: str) -> Sample:
    """One sample."""
    return ask.installation.datasets.sample(ask.caller, sample)


@routes.get("/samples/{sample}/group", permission=Permission.READ)
def show_group(ask: Ask, sample: str) -> Group:
    """The samples of one moment with this one, the main one first; this one alone where there is no other."""
    return ask.installation.datasets.group(ask.caller, sample)


@routes.get("/samples/{sample}/media", permission=Permission.MEDIA_READ, gives="application/octet-stream")
def download_media(ask: Ask, sample: str) -> Response:
    """The bytes as they were ingested, never rendered by a browser."""
    return attachment(ask.installation.datasets.media(ask.caller, sample))


@routes.get("/samples/{sample}/video", permission=Permission.MEDIA_READ, gives="video/*")
def play_video(ask: Ask, sample: str) -> Response:
    """The clip that a sample is, or is a frame of, for a player: whole, or the range of bytes that is asked for.

    A player cannot send headers: the query may name the workspace in their place (`workspace`).
    """
    found = ask.installation.datasets.sample(ask.caller, sample)
    kind = _PLAYED.get(found.format)
    if kind is None:
        raise InvalidInput(
            f"Browsers do not play {found.format or 'this format'}.", hint="Download it: GET /samples/{sample}/media"
        )
    return ranged(ask.request, ask.installation.datasets.media(ask.caller, sample), kind, seal=found.media_digest)


@routes.get("/samples/{sample}/thumbnail", permission=Permission.MEDIA_READ, gives="image/*")
def show_thumbnail(ask: Ask, sample: str) -> Response:
    """A small picture of the sample."""
    return picture(ask.installation.datasets.opened.thumbnail(ask.caller, sample), seal=f"{sample}.thumbnail")


@routes.get("/samples/{sample}/image", permission=Permission.MEDIA_READ, gives="image/*")
def show_image(
    ask: Ask, sample: str, longest_px: LongestPx = None, low: Low = None, high: High = None, palette: Palette = ""
) -> Response:
    """A picture that a browser can show, reduced to at most `longest_px` a side where that is given.

    Of measurements, such as temperatures, `low`, `high` and `palette` say how they are shown.
    """
    view = {
        name: value for name, value in (("low", low), ("high", high), ("palette", palette)) if value not in (None, "")
    }
    shown = "".join(f".{name}={value}" for name, value in view.items())
    seal = f"{ask.installation.datasets.sample(ask.caller, sample).content}.{longest_px or 0}{shown}"
    if f'"{seal}"' in ask.request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"ETag": f'"{seal}"'})
    return picture(ask.installation.datasets.opened.picture(ask.caller, sample, longest_px, view), seal=seal)


@routes.post("/samples/{sample}/measure", permission=Permission.MEDIA_READ, kept=False)
def measure_region(ask: Ask, sample: str, body: Region) -> Measured:
    """What was measured under a geometry on the sample, in the unit of its reading; of the whole image by default."""
    return ask.installation.datasets.opened.measure(ask.caller, sample, body.geometry_type, body.geometry)


@routes.get("/samples/{sample}/points", permission=Permission.MEDIA_READ, gives="application/octet-stream")
def show_points(ask: Ask, sample: str, most: MostPoints = 200_000) -> Response:
    """Points of a sweep: x, y, z in metres from the sample's min_x, min_y and min_z, and intensity, 0 to 1.

    Each is four little-endian float32.
    """
    found = ask.installation.datasets.opened.points(ask.caller, sample, most)
    return Response(found.astype("<f4").tobytes(), media_type="application/octet-stream")


@routes.get("/samples/{sample}/text", permission=Permission.MEDIA_READ)
def show_text(ask: Ask, sample: str) -> Written:
    """What a document says."""
    return Written(ask.installation.datasets.opened.text(ask.caller, sample))


@routes.post("/media/thumbs", permission=Permission.MEDIA_READ, kept=False, gives="application/octet-stream")
def show_thumbnails(ask: Ask, body: Thumbs) -> Response:
    """Small pictures of many samples: uint32 count, that many uint32 lengths (0: none), then the bytes of each.

    The numbers are little-endian.
    """
    found = ask.installation.datasets.opened.thumbnails(ask.caller, body.samples)
    sizes = struct.pack(f"<{len(found) + 1}I", len(found), *map(len, found))
    return Response(b"".join((sizes, *found)), media_type="application/octet-stream")


@routes.get("/samples/{sample}/annotations", permission=Permission.READ)
def list_annotations(ask: Ask, sample: str) -> Listed[Annotation]:
    """Every revision of the sample's annotations, oldest first."""
    return items_of(ask.installation.datasets.annotations.history(ask.caller, sample))


@routes.get("/quarantine", permission=Permission.READ)
def list_quarantine(ask: Ask, limit: AllOrLimit = None, cursor: Cursor = "") -> Listed[QuarantineEntry]:
    """Files that could not become samples, by name, each with its reason."""
    found = ask.installation.datasets.quarantine(ask.caller, limit, cursor)
    return page_of(found, limit, lambda last: last.id)


@routes.post("/quarantine/replay", permission=Permission.INGEST)
def replay_quarantine(ask: Ask, body: Replay) -> Run:
    """The run that tries the files again."""
    return ask.installation.datasets.replay(ask.caller, body.ids)
