"""What the API answered, as light frozen objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Record(Mapping[str, Any]):
    """A JSON object with its fields as attributes: `run.output.ingested`, or `run["output"]["ingested"]`."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_fields", {name: Record.wrap(value) for name, value in fields.items()})

    def __getattr__(self, name: str) -> Any:
        try:
            return self._fields[name]
        except KeyError:
            raise AttributeError(f'No field "{name}". Fields: {", ".join(map(str, self._fields))}') from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("A record is frozen: it shows what the API answered.")

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self._fields.items())
        return f"{type(self).__name__}({shown})"

    @staticmethod
    def wrap(value: Any) -> Any:
        """The JSON value with every object in it as a record."""
        if isinstance(value, dict):
            return Record(value)
        return [Record.wrap(part) for part in value] if isinstance(value, list) else value

    def as_dict(self) -> dict[str, Any]:
        """The JSON object again, made of plain dicts and lists."""
        return {name: plain(value) for name, value in self._fields.items()}


def plain(value: Any) -> Any:
    """The value with every record turned back into a plain dict."""
    if isinstance(value, Record):
        return value.as_dict()
    return [plain(part) for part in value] if isinstance(value, list) else value
