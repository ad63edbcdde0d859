"""What the processes log: one line of JSON for each message, without secrets; nothing in it can begin another line."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Final

_SECRETS: Final = re.compile(
    r"sl_[A-Za-z0-9_-]{43}|whsec_[A-Za-z0-9+/=_-]+|(?<=/owner/)[A-Za-z0-9_-]+|(?i:(?<=bearer ))\S+"
)


class JsonLines(logging.Formatter):
    """Formats a record as an object of one line in ASCII; API keys, webhook secrets and owner links are left out."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps({name: without_secrets(text) for name, text in line.items()})


def without_secrets(text: str) -> str:
    """The text with a mark in the place of every secret that can be told by its form."""
    return _SECRETS.sub("[secret]", text)


def configure_logs(level: int = logging.WARNING) -> None:
    """Returns once this process logs lines of JSON to its standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
