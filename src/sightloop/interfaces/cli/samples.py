"""ingest, samples, quarantine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sightloop.errors import InvalidInput
from sightloop.interfaces.cli.commanding import (
    Limit,
    Noun,
    Table,
    command,
    parse_filter,
    progress,
    read_file,
    read_mapping,
)
from sightloop.interfaces.cli.grouping import Layout, Slots, TimeInName, Within, grouping_of
from sightloop.interfaces.sdk import Workspace
from sightloop.interfaces.sdk.records import Record

samples = Noun("Samples: what was ingested.")
quarantine = Noun("Quarantine: files that could not become samples.")
Where = Annotated[str, typer.Option(help='Filter: "cell_type=mono", or JSON.')]
Schema = Annotated[str, typer.Option(help="The label schema.")]
_OBJECT = ("id", "revision", "label", "geometry_type", "geometry", "author")
_COLUMNS = ("id", "name", "format", "width", "height", "blur")


def register(app: typer.Typer) -> None:
    """Adds the command that stands at the top of the tree."""
    command(app, "ingest", example="sightloop ingest ./images --metadata facets.yaml")(ingest)


def ingest(
    ws: Workspace,
    source: Annotated[str, typer.Argument(help="A folder, an archive (.zip, .tar, .mcap), or s3://, gs://, az://.")],
    metadata: Annotated[Path | None, typer.Option(help="YAML or JSON: facets by file name.")] = None,
    reading: Annotated[Path | None, typer.Option(help="YAML or JSON: quantity, unit, scale, offset of pixels.")] = None,
    include: Annotated[str, typer.Option(help="Endings that are passed over otherwise: .csv,.txt")] = "",
    frames: Annotated[
        str,
        typer.Option(help='Frames of videos that are samples: "every_s=1", "keyframes" or "scenes=0.3"; "most=500".'),
    ] = "",
    slots: Slots = "",
    group_within: Within = "",
    time_in_name: TimeInName = False,
    layout: Layout = "",
    name: Annotated[str, typer.Option(help="What the samples say of their source.")] = "",
    keep_identity: Annotated[bool, typer.Option(help="Leave patients named in DICOM files.")] = False,
    credentials: Annotated[str, typer.Option(help="Of a bucket, by name.")] = "",
    copy: Annotated[bool | None, typer.Option(help="Copy the media; a bucket's stay there by default.")] = None,
    wait: Annotated[bool, typer.Option(help="Return when it has ended.")] = True,
) -> Any:
    """Make samples of media: checked, measured, embedded; broken files go to quarantine."""
    with progress("Ingesting") as follow:
        return ws.ingest(
            source,
            metadata=None if metadata is None else read_mapping(metadata),
            reading=None if reading is None else read_mapping(reading),
            include=[ending for ending in include.split(",") if ending],
            frames=_frames(frames),
            group=grouping_of(slots, group_within, time_in_name),
            layout=layout,
            name=name,
            keep_identity=keep_identity,
            credentials=credentials,
            copy=copy,
            wait=wait,
            progress=follow,
        )


def _frames(text: str) -> dict[str, Any] | None:
    """{"every_s": 1.0, "most": 100} from "every_s=1,most=100"; None from an empty text."""
    plan: dict[str, Any] = {}
    for name, _, value in (part.strip().partition("=") for part in text.split(",") if part.strip()):
        try:
            plan[name] = True if name == "keyframes" else int(value) if name == "most" else float(value)
        except ValueError as error:
            raise InvalidInput(f'"{name}={value}" names no number.', hint='Write "every_s=1,most=100".') from error
    return plan or None


@samples.command("measure", example="sightloop samples measure smp_01h... --box 10,10,40,40")
def measure(
    ws: Workspace,
    sample: str,
    box: Annotated[str, typer.Option(help="x,y,width,height in pixels; the whole image by default.")] = "",
) -> Any:
    """Show what was measured: temperature, depth, attenuation."""
    if not box:
        return ws.samples.measure(sample)
    try:
        numbers = [float(one) for one in box.split(",")]
        x, y, width, height = numbers
    except ValueError as error:
        raise InvalidInput(f'"{box}" is no box.', hint="Write --box 10,10,40,40: x, y, width, height.") from error
    return ws.samples.measure(sample, "box", {"x": x, "y": y, "width": width, "height": height})


@samples.command("text", example="sightloop samples text smp_01h...")
def text(ws: Workspace, sample: str) -> Any:
    """Show what a document says."""
    return {"text": ws.samples.text(sample)}


@samples.command("list", example="sightloop samples list --where cell_type=mono --limit 5")
def list_samples(ws: Workspace, where: Where = "", limit: Limit = 20) -> Any:
    """List samples."""
    return Table(ws.samples.list(where=parse_filter(where), limit=limit), _COLUMNS)


@samples.command("show", example="sightloop samples show smp_01h...")
def show(ws: Workspace, sample: str) -> Any:
    """Show one sample."""
    return ws.samples.get(sample)


@samples.command("groups", example="sightloop samples groups --where slot=lidar --limit 5")
def groups(ws: Workspace, where: Where = "", limit: Limit = 20) -> Any:
    """List groups: samples of one moment, each in its slot."""
    found = ws.samples.groups(where=parse_filter(where), limit=limit)
    rows = (Record({"id": one.id, "slots": {it.slot: it.name for it in one.members}}) for one in found)
    return Table(rows, ("id", "slots"))


@samples.command("group", example="sightloop samples group smp_01h...")
def group(ws: Workspace, sample: str) -> Any:
    """Show the samples of one moment with this one."""
    return Table(ws.samples.group(sample).members, ("slot", "sample", "name", "kind", "captured_at"))


@samples.command("save", example="sightloop samples save smp_01h... --to cell.png")
def save(ws: Workspace, sample: str, to: Annotated[Path, typer.Option(help="File to write.")]) -> Any:
    """Write the bytes of a sample to a file, to look at."""
    to.write_bytes(ws.samples.media(sample))
    return {"sample": sample, "file": to.name, "size_bytes": to.stat().st_size}


@samples.command("objects", example="sightloop samples objects smp_01h... --schema parts")
def objects(ws: Workspace, sample: str, schema: Schema) -> Any:
    """Show what is labelled on a sample, object by object."""
    return Table(ws.samples.objects(sample, schema).objects, _OBJECT)


@samples.command("write", example="sightloop samples write smp_01h... operations.json --schema parts")
def write(
    ws: Workspace,
    sample: str,
    operations: Annotated[Path, typer.Argument(help='YAML or JSON: {"operations": [{"op": "put", ...}]}.')],
    schema: Schema,
) -> Any:
    """Write objects on a sample, or remove them; show what clashed with others."""
    return ws.samples.write_objects(sample, schema, read_mapping(operations).get("operations") or [])


@samples.command("suggestions", example="sightloop samples suggestions smp_01h... --schema parts")
def suggestions(ws: Workspace, sample: str, schema: Schema) -> Any:
    """Show what models suggest for a sample."""
    return Table(ws.samples.suggestions(sample, schema), (*_OBJECT, "score"))


@samples.command("suggest", example="sightloop samples suggest detector.json --schema parts --model detector@7")
def suggest(
    ws: Workspace,
    path: Annotated[Path, typer.Argument(help='YAML or JSON: {"rows": [{"name", "objects": [...]}]}.')],
    schema: Schema,
    model: Annotated[str, typer.Option(help="What the suggestions come from.")],
) -> Any:
    """Import a model's predictions, made here or elsewhere, as suggestions to review."""
    return ws.samples.suggest(schema, read_mapping(path).get("rows") or [], model_version=model)


@samples.command("search", example='sightloop samples search "hairline crack" --like smp_01h... --k 5')
def search(
    ws: Workspace,
    text: Annotated[str, typer.Argument(help="Words in names, facets, documents and classes.")] = "",
    like: Annotated[str, typer.Option("--like", "--sample", help="Look like this sample.")] = "",
    image: Annotated[Path | None, typer.Option(help="Look like this image.")] = None,
    k: Annotated[int, typer.Option(help="How many.")] = 10,
    where: Where = "",
) -> Any:
    """Find the samples that hold words, look most alike, or both."""
    found = ws.samples.search(
        sample=like or None,
        image=None if image is None else read_file(image),
        text=text,
        k=k,
        where=parse_filter(where),
    )
    return Table(found, ("cosine", "relevance", "sample"))


@samples.command("index", example="sightloop samples index")
def index(ws: Workspace) -> Any:
    """Make the indexes that searches use, of samples from before there were any, or bring them up to date."""
    with progress("Indexing") as follow:
        return ws.runs.wait(ws.samples.index(), progress=follow)


@samples.command("embed", example="sightloop samples embed")
def embed(ws: Workspace) -> Any:
    """Embed the samples that have no vector of the present embedder, here or on a Ray cluster."""
    with progress("Embedding") as follow:
        return ws.runs.wait(ws.samples.embed(), progress=follow)


@samples.command("outliers", example="sightloop samples outliers --limit 10")
def outliers(
    ws: Workspace,
    where: Where = "",
    limit: Limit = 20,
    find: Annotated[bool, typer.Option("--find", help="Look for them first: needed for more than 5,000.")] = False,
) -> Any:
    """List the samples that look like no other, by their distance to their nearest neighbours."""
    if find:
        with progress("Looking") as follow:
            ws.runs.wait(ws.samples.find_outliers(where=parse_filter(where)), progress=follow)
    return Table(ws.samples.outliers(where=parse_filter(where), limit=limit), ("distance", "percentile", "sample"))


@samples.command("map", example="sightloop samples map --version cells@latest")
def make_map(
    ws: Workspace,
    where: Where = "",
    version: Annotated[str, typer.Option(help="Of this dataset version.")] = "",
) -> Any:
    """Lay samples out in the plane, so that those which look alike lie together."""
    with progress("Mapping") as follow:
        made = ws.samples.make_map(where=parse_filter(where), version=version or None)
        return ws.runs.wait(made, progress=follow)


@quarantine.command("list", example="sightloop quarantine list")
def list_quarantine(ws: Workspace) -> Any:
    """List quarantined files with their reasons."""
    return Table(ws.quarantine.list(), ("id", "name", "reason", "detail", "state"))


@quarantine.command("replay", example="sightloop quarantine replay")
def replay(ws: Workspace, ids: Annotated[list[str] | None, typer.Argument(help="Which; all if none.")] = None) -> Any:
    """Try quarantined files again with the decoders of today."""
    with progress("Replaying") as follow:
        return ws.runs.wait(ws.quarantine.replay(ids or None), progress=follow)
