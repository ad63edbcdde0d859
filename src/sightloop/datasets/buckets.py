"""Buckets that media are read from where they lie: S3, GCS and Azure behind obstore, through the egress gate."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

import obstore
from obstore.exceptions import (
    BaseError,
    InvalidPathError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

from sightloop.domain import digest_of
from sightloop.errors import Corrupt, Forbidden, InvalidInput, InvalidMedia, NotFound, SightloopError, Unavailable
from sightloop.events import EgressGate

SCHEMES: Final[Mapping[str, str]] = {"s3": "s3", "gs": "gcs", "az": "azure"}
LISTED: Final = 1000  # what a store answers at a time
SIGNED_S: Final = 300
_URL = re.compile(r"(?P<scheme>s3|gs|az)://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,220}[A-Za-z0-9])(?:/(?P<prefix>.*))?")
_NAMED = re.compile(r'[Pp]ath "(.{1,200})"')
_CREDENTIALS = "Check the credentials and what they may do in the bucket: sightloop credentials list"


@dataclass(frozen=True, slots=True)
class Access:
    """How a store is reached and who asks; without secrets nobody: only what is public can be read then.

    Attributes:
        name: of the stored credentials, empty for none.
        kind: s3, gcs or azure.
        endpoint: of a store that is not the provider's own; region of S3; account of Azure.
        secrets: access_key_id and secret_access_key and perhaps session_token; or service_account (JSON); or
            account_key or sas_token.
    """

    name: str = ""
    kind: str = ""
    endpoint: str = ""
    region: str = ""
    account: str = ""
    secrets: Mapping[str, str] | None = None

    def __repr__(self) -> str:
        return f"Access({self.name!r}, {self.kind!r}, {self.endpoint!r})"


@dataclass(frozen=True, slots=True)
class Listed:
    """One object of a bucket: its key, size, and the tag that changes with its content."""

    key: str
    etag: str
    size: int


def split_url(url: str) -> tuple[str, str, str]:
    """Scheme, bucket and prefix (empty, or ending in a slash) of a bucket's address; raises InvalidInput."""
    match = _URL.fullmatch(url)
    if match is None or any(one in "\0\r\n" for one in url):
        raise InvalidInput(
            "This is no address of a bucket.",
            hint='Write "s3://bucket/prefix", "gs://bucket/prefix" or "az://container".',
        )
    prefix = (match["prefix"] or "").strip("/")
    return match["scheme"], match["bucket"], f"{prefix}/" if prefix else ""


class Bucket:
    """One bucket, opened. Errors are ours; each names the bucket and says what to do.

    Args:
        scheme: s3, gs or az.

    Raises:
        Refused: its endpoint lies where requests may not go.
        InvalidInput: the credentials are of another kind.
    """

    def __init__(self, scheme: str, bucket: str, access: Access, gate: EgressGate) -> None:
        if access.kind and access.kind != SCHEMES[scheme]:
            raise InvalidInput(
                f'The credentials "{access.name}" are for {access.kind}, the address is {scheme}://.',
                hint=f"Use credentials of the kind {SCHEMES[scheme]}.",
            )
        self.address = f"{scheme}://{bucket}"
        self._access = access
        if access.endpoint:
            gate.egress.resolve(access.endpoint)
        self._store = _opened(scheme, bucket, access, gate)

    def walk(self, prefix: str, after: str = "") -> Iterator[Listed]:
        """The objects below the prefix, those that come after the key, a page of the store at a time in memory.

        Most stores list by key; one that ignores where to begin lists all.
        """
        with self._translated(""):
            stream = obstore.list(self._store, prefix=prefix or None, offset=after or None, chunk_size=LISTED)
        while True:
            with self._translated(""):
                page = next(stream, None)
            if page is None:
                return
            for one in page:
                key = str(one["path"])
                if key.startswith(prefix) and key != after:
                    yield Listed(key, _tag(one), int(one["size"]))

    def holds(self, key: str) -> bool:
        """Whether the store has an object of that key now."""
        try:
            with self._translated(key):
                obstore.head(self._store, key)
        except NotFound:
            return False
        return True

    def read(self, key: str, most_bytes: int) -> tuple[bytes, str]:
        """The bytes of an object and its location, which names the very version that was read.

        Raises:
            InvalidMedia: reason `unreadable` where it has gone, `forbidden`, or `too_large`, which is not downloaded.
            Unavailable: the store does not answer.
        """
        try:
            with self._translated(key):
                found = obstore.get(self._store, key)
                if int(found.meta["size"]) > most_bytes:
                    raise InvalidMedia(
                        f"The object has more than {most_bytes} bytes.", hint="Cut it into tiles.", reason="too_large"
                    )
                data = bytes(found.bytes())
        except NotFound as error:
            raise InvalidMedia(
                "The object has gone since it was listed.", hint="Put it back.", reason="unreadable"
            ) from error
        except Forbidden as error:
            raise InvalidMedia(error.message, hint=error.hint, reason="forbidden") from error
        return data, self.location(key, _tag(found.meta), str(found.meta.get("version") or ""))

    def location(self, key: str, etag: str, version: str) -> str:
        """The address of an object as it was then, as text for the sample."""
        said = {"etag": etag, "version": version, "credentials": self._access.name}
        return f"{self.address}/{quote(key, safe='/')}?{urlencode({name: one for name, one in said.items() if one})}"

    def verified(self, key: str, version: str, digest: str, most_bytes: int) -> bytes:
        """The bytes that a sample was made of. Raises NotFound where they have gone, Corrupt where they changed."""
        try:
            data = self._get(key, most_bytes, {"version": version} if version else {})
        except NotFound:
            if not version:
                raise
            data = self._get(key, most_bytes, {})  # it has a newer version now, or has gone
        if digest_of(data) != digest:
            raise Corrupt(
                "The media of this sample were changed in the bucket where they were left.",
                hint="Put the old object back, or synchronise the source to take in the new one.",
            )
        return data

    def _get(self, key: str, most_bytes: int, options: Any) -> bytes:
        with self._translated(key):
            found = obstore.get(self._store, key, options=options)
            return b"" if int(found.meta["size"]) > most_bytes else bytes(found.bytes())

    def signed(self, key: str) -> str:
        """A URL that gives the object to whoever holds it, for SIGNED_S seconds; empty where this store signs none."""
        unsigned = isinstance(self._store, AzureStore) and quote(key) != key  # obstore 0.12 signs the quoted name
        if not self._access.secrets or unsigned:
            return ""
        with suppress(BaseError, ValueError, OSError):
            assert isinstance(self._store, S3Store | GCSStore | AzureStore)
            return str(obstore.sign(self._store, "GET", key, timedelta(seconds=SIGNED_S)))
        return ""

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except SightloopError:
            raise
        except (PermissionDeniedError, UnauthenticatedError, PermissionError) as error:
            raise self._refusal(key) from error
        except (BaseError, OSError, ValueError) as error:
            said = str(error)
            if any(words in said for words in ("status code: 403", "status code: 401")):
                raise self._refusal(key) from error
            if isinstance(error, NotFoundError | FileNotFoundError) or "status code: 404" in said:
                raise self._absence(key, said) from error
            if isinstance(error, InvalidPathError) or "parse path" in said:
                named = _NAMED.search(said)
                raise InvalidInput(
                    f'{self.address} holds an object "{named[1] if named else ""}" that cannot be asked for: a part '
                    'of its name is empty, ".", ".." or holds a control character.',
                    hint="Rename it, or name a prefix that it does not lie under.",
                ) from error
            raise Unavailable(
                f"The store of {self.address} does not answer as it should.",
                hint="Is its endpoint right, and is it up? Try again in a moment.",
                retry_after_s=5,
                part="bucket",
            ) from error

    def _absence(self, key: str, said: str) -> NotFound:
        if key and not any(words in said for words in ("NoSuchBucket", "ContainerNotFound")):
            return NotFound(
                "The media of this sample have gone from the bucket where they were left.",
                hint="Put the object back, or ingest it with a copy.",
            )
        return NotFound(
            f"There is no bucket {self.address}, or nothing of it is shown.", hint="Check its name and endpoint."
        )

    def _refusal(self, key: str) -> Forbidden:
        who = f'the credentials "{self._access.name}"' if self._access.name else "requests without credentials"
        what = "this object of it" if key else "its list of objects"
        return Forbidden(f"The store of {self.address} refuses {who} {what}.", hint=_CREDENTIALS)


def split_location(location: str) -> tuple[str, str, str, Mapping[str, str]]:
    """Scheme, bucket and key of a sample's location in a bucket, and what else it says: etag, version, credentials."""
    parts = urlsplit(location)
    said = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return parts.scheme, parts.netloc, unquote(parts.path.removeprefix("/")), said


def is_in_bucket(location: str) -> bool:
    """Whether media lie in a bucket, and not in a folder."""
    return location.partition("://")[0] in SCHEMES and "://" in location


def _opened(scheme: str, bucket: str, access: Access, gate: EgressGate) -> ObjectStore:
    """The store for obstore. Whatever the machine itself may do (roles, variables, metadata services) is not used."""
    secrets = dict(access.secrets or {})
    shared: dict[str, Any] = {
        "client_options": {
            "allow_http": access.endpoint.startswith("http://"),
            "proxy_url": gate.url,
            "connect_timeout": timedelta(seconds=10),
            "read_timeout": timedelta(seconds=30),
            "timeout": timedelta(seconds=120),
        },
        "retry_config": {"max_retries": 3, "retry_timeout": timedelta(seconds=15)},
    }
    given: dict[str, Any] = {"skip_signature": True} if not secrets else {}
    try:
        if scheme == "s3":
            region = access.region or "us-east-1"
            given |= {"endpoint": access.endpoint or f"https://s3.{region}.amazonaws.com"}
            if secrets:
                signed = {
                    "access_key_id": secrets["access_key_id"],
                    "secret_access_key": secrets["secret_access_key"],
                    "token": secrets.get("session_token") or None,
                    "expires_at": None,
                }
                given |= {"credential_provider": lambda: signed}
            return S3Store(bucket, region=region, virtual_hosted_style_request=False, **given, **shared)
        if scheme == "gs":
            if secrets:
                given |= {"service_account_key": _service_account(secrets["service_account"], access.endpoint)}
            given |= {"base_url": access.endpoint} if access.endpoint else {}
            return GCSStore(bucket, **given, **shared)
        if access.account:
            given |= {"account_name": access.account}
        if access.endpoint:
            given |= {"endpoint": f"{access.endpoint.rstrip('/')}"}
        given |= {
            name: secrets[old]
            for old, name in (("account_key", "account_key"), ("sas_token", "sas_key"))
            if secrets.get(old)
        }
        return AzureStore(bucket, **given, **shared)
    except (BaseError, ValueError, KeyError) as error:
        raise InvalidInput(
            f"The bucket {scheme}://{bucket} cannot be opened with these credentials.", hint=_CREDENTIALS
        ) from error


def _service_account(text: str, endpoint: str) -> str:
    """The key of a service account without anything that would lead requests elsewhere. Plain http is an emulator."""
    kept = ("type", "client_email", "private_key", "private_key_id")
    found = {"private_key_id": "", **{name: value for name, value in json.loads(text).items() if name in kept}}
    plain = {"disable_oauth": True} if endpoint.startswith("http://") else {}
    return json.dumps({**found, **plain, **({"gcs_base_url": endpoint} if endpoint else {})})


def _tag(meta: Any) -> str:
    """The object's tag, or what stands for one where a store gives none."""
    return str(meta.get("e_tag") or f"{meta['last_modified'].timestamp()}-{meta['size']}")
