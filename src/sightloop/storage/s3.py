"""A prefix of an S3 bucket as a place for objects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any, Final

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import ObjectStore, S3Store

from sightloop.errors import InvalidInput, SightloopError, StorageFull, Unavailable
from sightloop.settings import StorageSettings
from sightloop.storage.places import Place

# A request may take 30 s between two reads and 120 s in all; a failed one is tried again for 15 s, at most 6 times.
READ_TIMEOUT_S: Final = 30
REQUEST_TIMEOUT_S: Final = 120
RETRY_S: Final = 15
RETRIES: Final = 6
LANCE_RETRIES: Final = 3  # Lance asks up to six times by itself (seen with pylance 14)
PART_BYTES: Final = 8 << 20  # larger objects go up in parts, of which each is tried again by itself
WRITERS: Final = 8
_URL = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?P<prefix>(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)/?")


@dataclass(frozen=True)
class S3Place:
    """Objects under a prefix. A PUT that S3 has acknowledged is durable, and one without an end is never seen.

    Nothing here keeps two processes apart: see `Stores.claim`.
    """

    bucket: str
    prefix: str
    connection: S3Connection

    def below(self, name: str) -> Place:
        return replace(self, prefix=f"{self.prefix}{name}/")

    def uri(self, path: str) -> str:
        return f"s3://{self.bucket}/{self.prefix}{path}"

    @cached_property
    def objects(self) -> ObjectStore:
        return self.connection.objects(self.bucket, self.prefix)

    @cached_property
    def lance_options(self) -> dict[str, str] | None:
        return self.connection.lance_options()

    def write(self, items: Sequence[tuple[str, bytes]]) -> None:
        if len(items) > 1:
            list(self.connection.pool.map(lambda item: self._put(*item), items))
        else:
            for path, data in items:
                self._put(path, data)

    def changing(self, path: str, size_bytes: int | None) -> AbstractContextManager[None]:
        return nullcontext()

    def delete(self, path: str) -> None:
        with objects_translated():
            obstore.delete(self.objects, path)

    def drop(self, path: str) -> None:
        with objects_translated():
            for found in obstore.list(self.objects, prefix=path):
                obstore.delete(self.objects, [one["path"] for one in found])

    def sweep(self, older_than_s: float) -> int:
        return 0

    def _put(self, path: str, data: bytes) -> None:
        with objects_translated():
            obstore.put(self.objects, path, data, chunk_size=PART_BYTES, max_concurrency=4)


@dataclass(frozen=True)
class S3Connection:
    """How an S3 endpoint is reached. Without keys the machine's own role, or its AWS variables, sign."""

    endpoint: str
    region: str
    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        return f"S3Connection({self.endpoint!r})"

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(WRITERS, thread_name_prefix="s3")

    def objects(self, bucket: str, prefix: str) -> ObjectStore:
        given: dict[str, Any] = {
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
            "endpoint": self.endpoint,
        }
        return S3Store(
            bucket,
            prefix=prefix or None,
            region=self.region,
            virtual_hosted_style_request=not self.endpoint,
            client_options={
                "allow_http": self._plain,
                "read_timeout": timedelta(seconds=READ_TIMEOUT_S),
                "timeout": timedelta(seconds=REQUEST_TIMEOUT_S),
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_S)},
            **{name: value for name, value in given.items() if value},
        )

    def lance_options(self) -> dict[str, str]:
        given = {
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
            "aws_endpoint": self.endpoint,
            "aws_region": self.region,
            "aws_virtual_hosted_style_request": str(not self.endpoint).lower(),
            "allow_http": str(self._plain).lower(),
            "read_timeout": f"{READ_TIMEOUT_S}s",
            "timeout": f"{REQUEST_TIMEOUT_S}s",
            "client_max_retries": str(LANCE_RETRIES),
            "client_retry_timeout": str(RETRY_S),
        }
        return {name: value for name, value in given.items() if value}

    @property
    def _plain(self) -> bool:
        return self.endpoint.startswith("http://")


def s3_place(settings: StorageSettings) -> S3Place:
    """The place that the settings name. Raises InvalidInput where they do not fit together."""
    match = _URL.fullmatch(settings.url)
    if match is None:
        raise InvalidInput(
            "The setting storage.url names no place for objects.",
            hint='Write "s3://bucket/prefix", or leave it empty for the installation folder.',
        )
    key, secret = settings.s3_access_key_id, settings.s3_secret_access_key
    if (key is None) != (secret is None):
        raise InvalidInput(
            "storage.s3_access_key_id and storage.s3_secret_access_key belong together.", hint="Set both, or neither."
        )
    if settings.s3_endpoint and not re.fullmatch(r"https?://[^\s/@?#]+", settings.s3_endpoint):
        raise InvalidInput("The setting storage.s3_endpoint is no endpoint.", hint='Write "https://host:port".')
    connection = S3Connection(
        settings.s3_endpoint,
        settings.s3_region,
        key.get_secret_value() if key else "",
        secret.get_secret_value() if secret else "",
    )
    prefix = match["prefix"].strip("/")
    return S3Place(match["bucket"], f"{prefix}/" if prefix else "", connection)


def s3_error(said: str) -> SightloopError | None:
    """What an error text of S3, as obstore and Lance tell it, means; None where it is not about S3."""
    if not any(words in said for words in ("S3 error", "status code: ", "error sending request", "s3://")):
        return None
    if any(words in said for words in ("status code: 403", "status code: 401", "necessary privileges")):
        return Unavailable(
            "The object store refuses the credentials of this installation.",
            hint="Check storage.s3_access_key_id, storage.s3_secret_access_key and what they may do in the bucket.",
            retry_after_s=30,
        )
    if "NoSuchBucket" in said:
        return Unavailable("There is no such bucket.", hint="Make it, or correct storage.url.", retry_after_s=30)
    if "status code: 507" in said or "QuotaExceeded" in said:
        return StorageFull("There is no room left to write.", hint="Raise the quota of the bucket.", retry_after_s=30)
    return Unavailable(
        "The object store does not answer as it should.", hint="Is it up? Try again in a moment.", retry_after_s=5
    )


@contextmanager
def objects_translated() -> Iterator[None]:
    """A block in which obstore's errors become ours; a missing object stays FileNotFoundError."""
    try:
        yield
    except FileNotFoundError as error:
        if (ours := s3_error(str(error))) and "NoSuchBucket" in str(error):
            raise ours from error
        raise
    except AlreadyExistsError:
        raise
    except (BaseError, OSError) as error:
        if ours := s3_error(str(error)):
            raise ours from error
        raise
