"""Sources that stand, what is expected and made of samples, what was refused, and the credentials of stores."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sightloop.errors import InvalidInput
from sightloop.interfaces.sdk.connection import Noun, items_of, part
from sightloop.interfaces.sdk.records import Record


class Sources(Noun):
    """Where media come from again and again: each look takes in only what is new or changed."""

    def add(
        self,
        name: str,
        place: str | Path = "",
        *,
        kind: str = "",
        credentials: str = "",
        copy: bool | None = None,
        defaults: Mapping[str, Any] | None = None,
        group: Mapping[str, Any] | None = None,
        layout: str = "",
        every_s: float = 0.0,
        key: str | None = None,
    ) -> Record:
        """The source; nothing is taken in before `sync`, or before the clock looks.

        Args:
            place: "s3://bucket/prefix", "gs://...", "az://...", or a folder on the server; none for kind "push".
            copy: whether media are copied: by default those of a folder are, those of a bucket stay there.
            defaults: licence, consent, subject, purpose and facets of every medium.
            group: which of its samples are of one moment; see `Workspace.ingest`.
            layout: "kitti" where the folders are those of KITTI.
            every_s: pause between looks, seconds; 0 for none.
        """
        text = os.fspath(place)
        kind = kind or ("bucket" if "://" in text else "folder")
        if kind == "folder" and self._connection.local:
            text = os.fspath(Path(text).resolve())
        settings = {
            **({"url" if kind == "bucket" else "path": text} if text else {}),
            **({"credentials": credentials} if credentials else {}),
            **({} if copy is None else {"copy": copy}),
            **({"defaults": dict(defaults)} if defaults else {}),
            **({"group": dict(group)} if group else {}),
            **({"layout": layout} if layout else {}),
        }
        body = {"name": name, "kind": kind, "settings": settings, "every_s": every_s}
        return self._connection.post("/sources", body, key=key)

    def list(self) -> Sequence[Record]:
        """The sources by name, each with what came of its newest run."""
        return self._connection.items("/sources")

    def get(self, name: str) -> Record:
        return self._connection.get(f"/sources/{part(name)}")

    def sync(self, name: str, *, key: str | None = None) -> Record:
        """The run that takes in what is new or changed; `ws.runs.wait` waits for it."""
        return self._connection.post(f"/sources/{part(name)}/sync", key=key)

    def schema(self, name: str) -> Sequence[Record]:
        """The fields of the source, window by window of its runs, the newest first, with the `findings` of each."""
        return self._connection.items(f"/sources/{part(name)}/schema")

    def schemas(self) -> Sequence[Record]:
        """Of each source the newest window with findings that nobody accepted, else its newest."""
        return self._connection.items("/source-schemas")

    def accept_schema(self, name: str) -> Sequence[Record]:
        """The same, whose findings are as they should be."""
        return items_of(self._connection.post(f"/sources/{part(name)}/schema/accept"))

    def remove(self, name: str) -> Record:
        """What is gone; its samples stay."""
        return self._connection.delete(f"/sources/{part(name)}")

    def push(
        self,
        name: str,
        data: bytes,
        *,
        medium: str = "",
        given: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Record:
        """What waits in the source from now on: `id`, `name`, `digest`.

        Args:
            medium: its name.
            given: fields of the sample such as captured_at and licence, and facets.
        """
        said = json.dumps(dict(given)) if given else None
        answer = self._connection.post_bytes(
            f"/sources/{part(name)}/media", data, key=key, medium=medium or None, given=said
        )
        return items_of(answer)[0]


class Expectations(Noun):
    """What samples are to be like: rules as YAML, judged at ingest or at commit."""

    def set(self, rules: str | Path, *, key: str | None = None) -> Record:
        """The rules, in force from now on; a path is read here, all else is the YAML itself."""
        return self._connection.post("/expectations", {"text": _yaml(rules)}, key=key)

    def list(self) -> Sequence[Record]:
        """Those in force, by scope."""
        return self._connection.items("/expectations")

    def get(self, id: str) -> Record:
        return self._connection.get(f"/expectations/{part(id)}")

    def check(self, rules: str | Path) -> Sequence[Record]:
        """How each rule stands with the samples that are there: `checked`, `broken`, `samples`, `where`."""
        return items_of(self._connection.post("/expectations/check", {"text": _yaml(rules)}))


class Transforms(Noun):
    """What is done to pictures before a model sees them, declared as YAML."""

    def set(self, declared: str | Path, *, key: str | None = None) -> Record:
        """The transform, the next number of its name; a path is read here, all else is the YAML itself."""
        return self._connection.post("/transforms", {"text": _yaml(declared)}, key=key)

    def list(self) -> Sequence[Record]:
        """Every version, by name and number."""
        return self._connection.items("/transforms")

    def get(self, name: str) -> Record:
        """One, by "cells@2" or by its name for the newest."""
        return self._connection.get(f"/transforms/{part(name)}")

    def backfill(self, name: str, *, where: Mapping[str, Any] | None = None, key: str | None = None) -> Record:
        """The run that makes of samples what the transform has not made yet; `ws.runs.wait` waits for it."""
        return self._connection.post(f"/transforms/{part(name)}/backfill", {"where": where}, key=key)


class Quarantine(Noun):
    """Files that could not become samples, each with its reason."""

    def list(self) -> Sequence[Record]:
        return self._connection.items("/quarantine")

    def replay(self, ids: Sequence[str] | None = None, *, key: str | None = None) -> Record:
        """The run that tries the files (all, if none are named) again with the decoders of today."""
        return self._connection.post("/quarantine/replay", {"ids": ids}, key=key)


class Credentials(Noun):
    """Credentials of object stores; their secrets are never shown again."""

    def create(
        self,
        name: str,
        kind: str,
        secrets: Mapping[str, str],
        *,
        endpoint: str = "",
        region: str = "",
        account: str = "",
    ) -> Record:
        """The credentials, s3, gcs or azure.

        Args:
            secrets: access_key_id and secret_access_key (s3), service_account as JSON (gcs), account_key or sas_token
                (azure).
            endpoint: of a store that is not the provider's own.
            account: the storage account (azure).
        """
        body = {"name": name, "kind": kind, "secrets": dict(secrets)}
        return self._connection.post(
            "/credentials", {**body, "endpoint": endpoint, "region": region, "account": account}
        )

    def list(self) -> Sequence[Record]:
        return self._connection.items("/credentials")

    def rotate(self, name: str, secrets: Mapping[str, str]) -> Record:
        """The credentials with other secrets."""
        return self._connection.post(f"/credentials/{part(name)}/rotate", {"secrets": dict(secrets)})

    def delete(self, name: str) -> Record:
        """What is gone; refused while a source uses them."""
        return self._connection.delete(f"/credentials/{part(name)}")


def _yaml(rules: str | Path) -> str:
    if not isinstance(rules, Path):
        return rules
    try:
        return rules.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f'The file "{rules.name}" cannot be read.', hint="Check its name.") from error
