"""Every setting: name, type, unit, default. The only reader of the environment.

Order: argument, then environment (`SIGHTLOOP_` and `__` between section and name), then `sightloop.toml` in the
installation folder, then the default written here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)
from typing_extensions import TypedDict

from sightloop.errors import InvalidInput

TOML: Final = "sightloop.toml"
_LOOK: Final = "Every setting and what it means: docs/reference/settings.md."


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StorageSettings(_Section):
    master_key: SecretStr | None = Field(
        None, description="32 bytes, base64. Wraps each workspace's data key; blobs are encrypted at rest when set."
    )
    backup_folder: Path | None = Field(
        None, description="Where backups are kept; FOLDER/backups if not given. Better on another disk."
    )
    records_url: SecretStr = Field(
        SecretStr(""),
        description="postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE of the records and runs; empty for SQLite "
        "files in the folder.",
    )
    free_bytes_floor: int = Field(64 << 20, description="Writes answer 507 below this much free disk, in bytes.")
    orphan_grace_s: float = Field(
        3600.0, ge=0, description="`fsck --collect` leaves what was written so many seconds ago: its SQL may follow."
    )
    url: str = Field(
        "", description='Where media and tables lie: empty for FOLDER/workspaces, or "s3://bucket/prefix".'
    )
    s3_endpoint: str = Field("", description='Endpoint of an S3 store that is not AWS: "https://host:port".')
    s3_region: str = Field("us-east-1", description="Region of the bucket.")
    s3_access_key_id: SecretStr | None = Field(
        None, description="Key for the bucket; without one, the machine's role or AWS variables sign."
    )
    s3_secret_access_key: SecretStr | None = Field(None, description="Secret of that key.")


class RetentionSettings(_Section):
    predictions_days: int = Field(0, ge=0, description="Predictions with their outcomes; 0 keeps them for ever.")
    quarantine_days: int = Field(0, ge=0, description="Quarantined media; 0 keeps them for ever.")
    uploads_days: int = Field(30, ge=0, description="Uploads that never became samples; 0 keeps them for ever.")
    deliveries_days: int = Field(30, ge=0, description="Webhook deliveries that succeeded; 0 keeps them for ever.")
    answers_days: int = Field(
        7, ge=0, description="Answers kept by idempotency key: so long a repeated request is done once; 0 for ever."
    )


class SourcesSettings(_Section):
    push_waiting_limit: int = Field(
        10_000, ge=1, description="Pushed media that may wait in a source; the next one is answered 503."
    )


class DecodeSettings(_Section):
    workers: int = Field(2, ge=1, description="Decode children at most; each is started when it is first needed.")
    memory_bytes: int = Field(2 << 30, description="Address space of a decode child, in bytes.")
    wall_s: float = Field(15.0, description="Longest decode of one medium, in seconds, before the child is killed.")


class SinkSettings(_Section):
    """A broker that events may go to, declared by the operator. The fields' meanings: docs/how-to.md."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    url: str = Field(
        pattern=r"^(nats|kafka)(\+tls)?://[^\s/@?#,]+:\d+(,[^\s/@?#,]+:\d+)*/[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"
    )
    user: str = ""
    password: SecretStr | None = None
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    idempotent: bool = True
    workspaces: tuple[str, ...] = ()


class EventsSettings(_Section):
    delivery_interval_s: float = Field(0.1, description="Pause between looks at the outbox, in seconds.")
    delivery_attempts: int = Field(12, description="Attempts before a delivery becomes a dead letter.")
    egress_allow: tuple[str, ...] = Field(
        (), description="Private networks (CIDR) that webhooks and the stores of sources may lie in; the operator's."
    )
    egress_ports: tuple[int, ...] = Field(
        (443, 8443), description="Ports that webhooks and stores of sources may be asked at in public networks."
    )
    sinks: tuple[SinkSettings, ...] = Field(
        (), description="NATS and Kafka brokers that webhooks may name; see docs/how-to.md."
    )


class ServingSettings(_Section):
    host: str = Field("127.0.0.1", description="Address the serving process binds to.")
    port: int = Field(0, description="Port of the serving process; 0 picks a free one.")
    max_batch: int = Field(8, ge=1, description="Images in one micro-batch at most.")
    max_wait_ms: float = Field(2.0, description="Longest wait for a fuller batch, in milliseconds.")
    queue_limit: int = Field(64, ge=1, description="Requests that may wait; the next one is answered 503.")
    queue_ms: float = Field(
        200.0, description="Longest expected wait behind more than a batch, in milliseconds; beyond it, 503."
    )
    threads: int = Field(2, ge=1, description="Threads of the model session.")
    log_bytes_limit: int = Field(2 << 30, description="Prediction segments kept on disk, in bytes.")


class ApiSettings(_Section):
    host: str = Field("127.0.0.1", description="Address the control process binds to.")
    port: int = Field(8780, description="Port of the control process.")
    allowed_hosts: tuple[str, ...] = Field(
        ("127.0.0.1", "localhost", "[::1]"), description="Host headers that are answered."
    )
    body_bytes_limit: int = Field(256 << 20, description="Largest request body, in bytes.")
    json_bytes_limit: int = Field(32 << 20, description="Largest request body in JSON, in bytes.")
    patience_s: float = Field(
        15.0, gt=0, description="Longest wait for the headers of a request, and for a body slower than 4 KiB/s."
    )
    connections_limit: int = Field(
        1000, ge=1, description="Connections to each of the two processes; the next one is answered 503."
    )
    key_requests_per_s: float = Field(
        100.0, gt=0, description="Requests that a key may make for long; ten seconds' worth may come at once."
    )
    address_requests_per_s: float = Field(
        400.0, gt=0, description="Requests that an address may make for long; ten seconds' worth may come at once."
    )
    failures_per_minute: float = Field(
        20.0, gt=0, description="Wrong keys that an address may show before all but known keys wait."
    )


class RunsSettings(_Section):
    cores: float | None = Field(
        None, ge=0, description="Cores that runs may hold in this process; 0 leaves them to workers, none takes all."
    )
    lease_s: float = Field(
        15.0, ge=1, description="A process silent for that long, in seconds, is dead: others take over its runs."
    )
    executor: Literal["local", "ray"] = Field(
        "local", description="Where ingest, embedding and batch prediction look at media: here, or on a Ray cluster."
    )
    ray_address: str = Field(
        "local",
        description='Of the cluster: "auto", "host:6379", "ray://host:10001"; "local" starts one of our own here.',
    )
    ray_cores: int = Field(2, ge=1, description="Cores of a Ray cluster of our own.")


class LoopSettings(_Section):
    tick_s: float = Field(0.25, description="Pause between two looks of the loop's clock, in seconds.")


class Settings(BaseSettings):
    """The frozen tree, a section per room."""

    model_config = SettingsConfigDict(
        env_prefix="SIGHTLOOP_", env_nested_delimiter="__", frozen=True, extra="ignore", toml_file=None
    )
    storage: StorageSettings = Field(default_factory=StorageSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    sources: SourcesSettings = Field(default_factory=SourcesSettings)
    decode: DecodeSettings = Field(default_factory=DecodeSettings)
    events: EventsSettings = Field(default_factory=EventsSettings)
    serving: ServingSettings = Field(default_factory=ServingSettings)
    api: ApiSettings = Field(default_factory=ApiSettings)
    runs: RunsSettings = Field(default_factory=RunsSettings)
    loop: LoopSettings = Field(default_factory=LoopSettings)
    faults: str = Field("", description='For tests: "point=ACTION@NTH", comma-separated; see fault-points.md.')
    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    def origin(self, name: str) -> str:
        """Where the value of a setting ("section.name") came from: argument, environment, sightloop.toml or default."""
        return self._origins.get(name, "default")


class ClientSettings(BaseSettings):
    """What a command works on where its options do not say. `sightloop.toml` lies in the folder, so it has no say."""

    model_config = SettingsConfigDict(env_prefix="SIGHTLOOP_", env_ignore_empty=True, frozen=True, extra="ignore")
    folder: str = Field("./sightloop-data", description="The installation folder.")
    url: str = Field("", description="A server instead of a folder.")
    key: SecretStr = Field(SecretStr(""), description="API key for the server.")
    workspace: str = Field("default", description="The workspace.")


def load_settings(folder: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings for an installation folder, arguments first.

    Raises:
        InvalidInput: a value is not what it should be, or `sightloop.toml` names a setting that does not exist.
    """

    class _Located(Settings):
        model_config = SettingsConfigDict(toml_file=folder / TOML if folder else None)

    arguments = dict(overrides or {})
    with _translated():
        toml = TomlConfigSettingsSource(_Located)()
        unknown = sorted(toml.keys() - Settings.model_fields.keys())
        if unknown:
            raise InvalidInput(
                f'{TOML} has a section "{unknown[0]}", which means nothing.',
                hint=f"Sections: {', '.join(Settings.model_fields)}.",
            )
        settings = _Located(**arguments)
        given = {TOML: toml, "environment": EnvSettingsSource(_Located)(), "argument": arguments}
    for origin, values in given.items():
        settings._origins.update(dict.fromkeys(_names(values), origin))
    return settings


def load_client_settings(**options: str | None) -> ClientSettings:
    """What a command works on: its options that were given, then the environment, then the defaults."""
    with _translated():
        return ClientSettings.model_validate({name: value for name, value in options.items() if value is not None})


class SettingShown(TypedDict):
    """One setting; `source` is argument, environment, sightloop.toml or default."""

    name: str
    value: str
    source: str
    default: str
    meaning: str


def describe_settings(settings: Settings) -> list[SettingShown]:
    """Each setting with its value, where that came from, its default and meaning; secrets are masked."""
    rows: list[SettingShown] = []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            rows += [
                _row(f"{name}.{inner}", getattr(value, inner), settings, info.default, info.description)
                for inner, info in type(value).model_fields.items()
            ]
        else:
            rows.append(_row(name, value, settings, field.default, field.description))
    return rows


def _row(name: str, value: Any, settings: Settings, default: Any, meaning: str | None) -> SettingShown:
    return {
        "name": name,
        "value": str(value),
        "source": settings.origin(name),
        "default": str(default),
        "meaning": meaning or "",
    }


def _names(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from (f"{name}.{inner}" for inner in value)
        else:
            yield name


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f'The setting "{name}" is wrong: {first["msg"]}.', hint=_LOOK) from error
    except SettingsError as error:
        raise InvalidInput(f"A setting in the environment is not JSON: {error}.", hint=_LOOK) from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{TOML} is not TOML: {error}.", hint=_LOOK) from error
