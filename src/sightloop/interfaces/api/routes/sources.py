"""Sources that stand, the credentials of their stores, and what is pushed to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import orjson
from anyio.to_thread import run_sync
from fastapi import Query
from pydantic import Field, SecretStr
from starlette.datastructures import UploadFile

from sightloop.datasets import Pushed, StandingSource, StoredCredentials
from sightloop.domain import Permission, Run, now
from sightloop.errors import InvalidInput
from sightloop.interfaces.api.credentials import require_installation_owner
from sightloop.interfaces.api.parsing import Body, Listed, Name, items_of
from sightloop.interfaces.api.routing import Ask, Routes

routes = Routes("sources")

Given = Annotated[str, Query(description="Fields of the sample (captured_at, licence, ...) and facets, as JSON.")]
_SIGNED = timedelta(seconds=300)


class NewCredentials(Body):
    name: Name
    kind: str
    secrets: dict[str, Annotated[SecretStr, Field(max_length=20_000)]]
    endpoint: str = ""
    region: str = ""
    account: str = ""


class Rotation(Body):
    secrets: dict[str, Annotated[SecretStr, Field(max_length=20_000)]]


class NewSource(Body):
    name: Name
    kind: str
    settings: dict[str, Any] = Field(default_factory=dict)
    every_s: float = Field(0.0, ge=0, le=86_400 * 7)


@dataclass(frozen=True, slots=True)
class MediaLink:
    """Where the bytes of a sample can be fetched.

    Attributes:
        url: at the bucket, open to whoever holds it until `expires_at`; or of this server, which asks for a key.
        expires_at: empty for this server's.
    """

    url: str
    expires_at: str


@routes.post("/credentials", permission=Permission.ADMIN, kept=False)
def create_credentials(ask: Ask, body: NewCredentials) -> StoredCredentials:
    """Credentials of an object store, s3, gcs or azure, sealed; nobody sees their secrets again."""
    secrets = {name: one.get_secret_value() for name, one in body.secrets.items()}
    more = {"endpoint": body.endpoint, "region": body.region, "account": body.account}
    return ask.installation.datasets.sources.credentials.create(ask.caller, body.name, body.kind, secrets, **more)


@routes.get("/credentials", permission=Permission.INGEST)
def list_credentials(ask: Ask) -> Listed[StoredCredentials]:
    """The credentials of the workspace by name, without their secrets."""
    return items_of(ask.installation.datasets.sources.credentials.list(ask.caller))


@routes.post("/credentials/{name}/rotate", permission=Permission.ADMIN, kept=False)
def rotate_credentials(ask: Ask, name: str, body: Rotation) -> StoredCredentials:
    """The credentials with other secrets; the old ones are gone."""
    secrets = {key: one.get_secret_value() for key, one in body.secrets.items()}
    return ask.installation.datasets.sources.credentials.rotate(ask.caller, name, secrets)


@routes.delete("/credentials/{name}", permission=Permission.ADMIN)
def delete_credentials(ask: Ask, name: str) -> StoredCredentials:
    """What is gone; refused while a source uses them."""
    return ask.installation.datasets.sources.credentials.delete(ask.caller, name)


@routes.post("/sources", permission=Permission.INGEST)
def add_source(ask: Ask, body: NewSource) -> StandingSource:
    """A source that stands: a folder, a bucket, or one that media are pushed to. Folders are the owner's to name."""
    if "path" in body.settings:
        require_installation_owner(ask.caller)
    return ask.installation.datasets.sources.add(ask.caller, body.name, body.kind, body.settings, every_s=body.every_s)


@routes.get("/sources", permission=Permission.READ)
def list_sources(ask: Ask) -> Listed[StandingSource]:
    """The sources by name, each with what came of its newest run."""
    return items_of(ask.installation.datasets.sources.list(ask.caller))


@routes.get("/sources/{name}", permission=Permission.READ)
def show_source(ask: Ask, name: str) -> StandingSource:
    """One source."""
    return ask.installation.datasets.sources.get(ask.caller, name)


@routes.post("/sources/{name}/sync", permission=Permission.INGEST)
def sync_source(ask: Ask, name: str) -> Run:
    """The run that takes in what is new or changed; the one under way, where there is one."""
    return ask.installation.datasets.sources.sync(ask.caller, name)


@routes.delete("/sources/{name}", permission=Permission.INGEST)
def remove_source(ask: Ask, name: str) -> StandingSource:
    """What is gone; its samples stay."""
    return ask.installation.datasets.sources.remove(ask.caller, name)


@routes.post("/sources/{name}/media", permission=Permission.PUSH, takes="application/octet-stream")
async def push_media(ask: Ask, name: str, medium: str = "", given: Given = "") -> Listed[Pushed]:
    """What waits in the source from now on, durably. The body is one medium, or a form with a file for each.

    The same bytes under the same name again are the same. Answers 503 with Retry-After where as many wait as may.
    """
    said = _given(given)
    push = ask.installation.datasets.sources.push
    if ask.request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        async with ask.request.form(max_files=100, max_fields=100) as form:
            files = [one for _, one in form.multi_items() if isinstance(one, UploadFile)]
            media = [(one.filename or "", await one.read()) for one in files]
    else:
        media = [(medium, await ask.request.body())]
    if not media:
        raise InvalidInput("The form holds no file.", hint="Send each medium as a file of the form.")
    return items_of([await run_sync(push, ask.caller, name, called, data, said) for called, data in media])


@routes.get("/samples/{sample}/link", permission=Permission.MEDIA_READ)
def link_media(ask: Ask, sample: str) -> MediaLink:
    """Where a browser fetches the bytes: at the bucket that they lie in, if it signs URLs; else here."""
    ask.installation.datasets.sample(ask.caller, sample)
    if url := ask.installation.datasets.signed_media(ask.caller, sample):
        return MediaLink(url, (now() + _SIGNED).isoformat())
    return MediaLink(f"/api/v1/samples/{sample}/media", "")


def _given(text: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise InvalidInput("What is given of the medium is no JSON object.", hint='Such as {"licence": "CC-BY-4.0"}.')
    return found
