"""The file that tells the serving process what to serve and to whom. Control replaces it; serving watches it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from sightloop.domain import Role
from sightloop.errors import Corrupt
from sightloop.storage import faultpoint

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Served:
    """One deployment: which version answers under which name, and the digest of its bundle's archive."""

    workspace: str
    name: str
    id: str
    model: str
    model_version: str
    alias: str
    bundle: str


@dataclass(frozen=True, slots=True)
class ServingKey:
    """Who may ask: the SHA-256 (hex) of an API key, its workspace and role, its end and its one deployment if any."""

    sha256: str
    workspace: str
    role: Role
    actor: str = ""
    expires_at: datetime | None = None
    deployment: str = ""

    def valid(self, moment: datetime) -> bool:
        """Whether the key has not expired at this moment."""
        return self.expires_at is None or moment < self.expires_at


@dataclass(frozen=True, slots=True)
class DeploymentFile:
    """All deployments and keys of an installation."""

    deployments: tuple[Served, ...] = ()
    keys: tuple[ServingKey, ...] = ()


class ServingFolder:
    """Where things lie under FOLDER/serving."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "serving"
        self.bundles = self.root / "bundles"
        self.segments = self.root / "segments"
        self.media = self.root / "media"
        self.refusals = self.root / "refusals"
        self.deployments = self.root / "deployments.json"
        self.lock = self.root / "lock"
        for path in (self.bundles, self.segments, self.media):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def bundle(self, digest: str) -> Path:
        """Where the bundle with this digest lies."""
        return self.bundles / f"{digest}.zip"


def write_deployments(folder: ServingFolder, content: DeploymentFile) -> None:
    """Returns once the file is replaced as a whole: a reader sees the old one or the new one."""
    replace_file(folder.deployments, orjson.dumps({"format": FORMAT, **asdict(content)}, option=orjson.OPT_INDENT_2))


def read_deployments(folder: ServingFolder) -> DeploymentFile:
    """What the file says now; empty before the first one. Raises Corrupt."""
    try:
        content = orjson.loads(folder.deployments.read_bytes())
        return DeploymentFile(
            tuple(Served(**row) for row in content["deployments"]), tuple(_key(row) for row in content["keys"])
        )
    except FileNotFoundError:
        return DeploymentFile()
    except (ValueError, KeyError, TypeError) as error:
        raise Corrupt("The deployment file cannot be read.", hint="Start control: it writes the file anew.") from error


def replace_file(path: Path, data: bytes) -> None:
    """Returns once `path` durably holds the data, whatever happens meanwhile: write aside, sync, rename, sync."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    faultpoint("file.unnamed")
    os.replace(aside, path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _key(row: Mapping[str, Any]) -> ServingKey:
    expires_at = row.get("expires_at")
    return ServingKey(
        sha256=row["sha256"],
        workspace=row["workspace"],
        role=Role(row["role"]),
        actor=row.get("actor", ""),
        expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
        deployment=row.get("deployment", ""),
    )
