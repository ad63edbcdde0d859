"""source, credentials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from sightloop.errors import InvalidInput
from sightloop.interfaces.cli.commanding import Noun, Table, progress, read_mapping
from sightloop.interfaces.cli.grouping import Layout, Slots, TimeInName, Within, grouping_of
from sightloop.interfaces.sdk import Record, Workspace

source = Noun("Sources: where media come from, looked at again for what is new.")
credentials = Noun("Credentials of object stores; their secrets are never shown again.")
Secrets = Annotated[
    Path,
    typer.Option(help="A YAML or JSON file of the secrets, or /dev/stdin; see docs/how-to.md."),
]


@source.command("add", example="sightloop source add line-2 s3://plant/line-2 --credentials plant --every 60")
def add(
    ws: Workspace,
    name: Annotated[str, typer.Argument(help="What people call it.")],
    place: Annotated[str, typer.Argument(help="A folder, s3://..., gs://... or az://...; none for --push.")] = "",
    push: Annotated[bool, typer.Option(help="Media are pushed to it.")] = False,
    credentials: Annotated[str, typer.Option(help="The name of the credentials.")] = "",
    copy: Annotated[bool | None, typer.Option(help="Copy the media; a bucket's stay there by default.")] = None,
    defaults: Annotated[Path | None, typer.Option(help="YAML: licence, consent, facets of every medium.")] = None,
    slots: Slots = "",
    group_within: Within = "",
    time_in_name: TimeInName = False,
    layout: Layout = "",
    every: Annotated[float, typer.Option(help="Seconds between two looks; 0 for none.")] = 0.0,
) -> Any:
    """Add a source; `source sync` takes in what it holds."""
    said = None if defaults is None else read_mapping(defaults)
    kind = "push" if push else ""
    group = grouping_of(slots, group_within, time_in_name)
    return ws.sources.add(
        name,
        place,
        kind=kind,
        credentials=credentials,
        copy=copy,
        defaults=said,
        group=group,
        layout=layout,
        every_s=every,
    )


@source.command("list", example="sightloop source list")
def list_sources(ws: Workspace) -> Any:
    """List sources, with what came of the newest look."""
    return Table(ws.sources.list(), ("name", "kind", "every_s", "state", "looked_at", "waiting", "output"))


@source.command("sync", example="sightloop source sync line-2")
def sync(ws: Workspace, name: str, wait: Annotated[bool, typer.Option(help="Return when it has ended.")] = True) -> Any:
    """Take in what is new or changed, and tell what is gone."""
    run = ws.sources.sync(name)
    if not wait:
        return run
    with progress("Synchronising") as follow:
        return ws.runs.wait(run, progress=follow)


@source.command("schema", example="sightloop source schema line-2")
def schema(
    ws: Workspace, name: str, accept: Annotated[bool, typer.Option(help="What has changed is as it should be.")] = False
) -> Any:
    """Show which fields a source has, and what has changed in them."""
    newest = (ws.sources.accept_schema(name) if accept else ws.sources.schema(name))[0]
    rows = [Record({"field": field, **one}) for field, one in newest.fields.as_dict().items()]
    if newest.findings and not accept:
        typer.echo("\n".join(f"{one.kind}: {one.says}" for one in newest.findings), err=True)
    return Table(rows, ("field", "types", "missing", "low", "high", "top"))


@source.command("remove", example="sightloop source remove line-2")
def remove(ws: Workspace, name: str) -> Any:
    """Remove a source; its samples stay."""
    return ws.sources.remove(name)


@credentials.command("create", example="sightloop credentials create plant s3 --secrets key.yaml --region eu-west-1")
def create(
    ws: Workspace,
    name: Annotated[str, typer.Argument(help="What people call them.")],
    kind: Annotated[str, typer.Argument(help="s3, gcs or azure.")],
    secrets: Secrets,
    endpoint: Annotated[str, typer.Option(help="Of a store that is not the provider's own.")] = "",
    region: Annotated[str, typer.Option(help="Of S3.")] = "",
    account: Annotated[str, typer.Option(help="The storage account of Azure.")] = "",
) -> Any:
    """Store credentials, sealed."""
    return ws.credentials.create(name, kind, _read(secrets), endpoint=endpoint, region=region, account=account)


@credentials.command("list", example="sightloop credentials list")
def list_credentials(ws: Workspace) -> Any:
    """List credentials, without their secrets."""
    return Table(ws.credentials.list(), ("name", "kind", "endpoint", "account", "rotated_at", "used_by"))


@credentials.command("rotate", example="sightloop credentials rotate plant --secrets new.yaml")
def rotate(ws: Workspace, name: str, secrets: Secrets) -> Any:
    """Put other secrets in the place of the old ones."""
    return ws.credentials.rotate(name, _read(secrets))


@credentials.command("delete", example="sightloop credentials delete plant")
def delete(ws: Workspace, name: str) -> Any:
    """Delete credentials that no source uses."""
    return ws.credentials.delete(name)


def _read(path: Path) -> dict[str, str]:
    """The secrets in a file; the file of a service account, which names its type, is one secret as it is."""
    found = read_mapping(path)
    if found.get("type") == "service_account":
        return {"service_account": json.dumps(found)}
    if not all(isinstance(one, str) for one in found.values()):
        raise InvalidInput("The secrets are no texts.", hint="Write each in quotes.")
    return found
