"""Every setting: name, type, unit, default. The only reader of the environment.

Order: argument, then environment (`SIGHTLOOP_` and `__` between section and name), then `sightloop.toml` in the
installation folder, then the default written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StorageSettings(_Section):
    master_key: SecretStr | None = Field(
        None, description="32 bytes, base64. Wraps each workspace's data key; blobs are encrypted at rest when set."
    )
    free_bytes_floor: int = Field(64 << 20, description="Writes answer 507 below this much free disk, in bytes.")


class DecodeSettings(_Section):
    workers: int = Field(2, ge=1, description="Decode children kept ready.")
    memory_bytes: int = Field(2 << 30, description="Address space of a decode child, in bytes.")
    wall_s: float = Field(15.0, description="Longest decode of one medium, in seconds, before the child is killed.")


class EventsSettings(_Section):
    delivery_interval_s: float = Field(0.1, description="Pause between looks at the outbox, in seconds.")
    delivery_attempts: int = Field(12, description="Attempts before a delivery becomes a dead letter.")
    egress_allow: tuple[str, ...] = Field(
        (), description="Private networks (CIDR) that webhooks may reach; set by the operator only."
    )


class ServingSettings(_Section):
    host: str = Field("127.0.0.1", description="Address the serving process binds to.")
    port: int = Field(0, description="Port of the serving process; 0 picks a free one.")
    max_batch: int = Field(8, ge=1, description="Images in one micro-batch at most.")
    max_wait_ms: float = Field(2.0, description="Longest wait for a fuller batch, in milliseconds.")
    queue_limit: int = Field(64, ge=1, description="Requests that may wait; the next one is answered 503.")
    threads: int = Field(2, ge=1, description="Threads of the model session.")
    log_bytes_limit: int = Field(2 << 30, description="Prediction segments kept on disk, in bytes.")


class ApiSettings(_Section):
    host: str = Field("127.0.0.1", description="Address the control process binds to.")
    port: int = Field(8780, description="Port of the control process.")
    allowed_hosts: tuple[str, ...] = Field(
        ("127.0.0.1", "localhost", "[::1]"), description="Host headers that are answered."
    )
    body_bytes_limit: int = Field(256 << 20, description="Largest request body, in bytes.")


class LoopSettings(_Section):
    tick_s: float = Field(0.25, description="Pause between two looks of the loop's clock, in seconds.")


class Settings(BaseSettings):
    """The frozen tree, a section per room."""

    model_config = SettingsConfigDict(
        env_prefix="SIGHTLOOP_", env_nested_delimiter="__", frozen=True, extra="ignore", toml_file=None
    )
    storage: StorageSettings = Field(default_factory=StorageSettings)
    decode: DecodeSettings = Field(default_factory=DecodeSettings)
    events: EventsSettings = Field(default_factory=EventsSettings)
    serving: ServingSettings = Field(default_factory=ServingSettings)
    api: ApiSettings = Field(default_factory=ApiSettings)
    loop: LoopSettings = Field(default_factory=LoopSettings)
    faults: str = Field("", description='Fault points for tests: "name=kill" or "name=raise", comma-separated.')

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


def load_settings(folder: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings for an installation folder, arguments first."""
    toml = folder / "sightloop.toml" if folder else None

    class _Located(Settings):
        model_config = SettingsConfigDict(toml_file=toml)

    return _Located(**dict(overrides or {}))


def describe_settings(settings: Settings) -> list[dict[str, Any]]:
    """Each setting with its value and meaning; secrets are masked."""
    rows: list[dict[str, Any]] = []
    for section, info in type(settings).model_fields.items():
        value = getattr(settings, section)
        if isinstance(value, BaseModel):
            rows += [
                {
                    "name": f"{section}.{name}",
                    "value": str(getattr(value, name)),
                    "default": str(field.default),
                    "meaning": field.description or "",
                }
                for name, field in type(value).model_fields.items()
            ]
        else:
            rows.append({"name": section, "value": str(value), "default": "", "meaning": info.description or ""})
    return rows
