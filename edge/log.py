"""Quiet logs for a journal: one line of key=value for each thing that happened."""

from __future__ import annotations

import json
import logging
import sys
from typing import Final

_LEVELS: Final = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}
"""The journal's priorities."""


class KeyValue(logging.Formatter):
    """`level=INFO room=edge.capture camera=cam-1 msg="connected"`, with a `<6>` before it under systemd."""

    def __init__(self, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message holds."""
        head = f"<{_LEVELS.get(record.levelname, 6)}>" if self._journal else self.formatTime(record) + " "
        fields = getattr(record, "fields", {})
        named = "".join(f" {key}={_quoted(str(value))}" for key, value in fields.items())
        line = f"{head}level={record.levelname} room={record.name}{named} msg={_quoted(record.getMessage())}"
        if record.exc_info:
            line += f" error={_quoted(self.formatException(record.exc_info))}"
        return line


def _quoted(text: str) -> str:
    plain = text and text.isprintable() and not any(character in text for character in ' "=\\')
    return text if plain else json.dumps(text, ensure_ascii=False)


def start_logging(*, journal: bool, level: int = logging.INFO) -> None:
    """Write this process's log to standard error. journal: systemd reads it and adds the time itself."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(KeyValue(journal))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("uvicorn", "httpx", "watchfiles"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def fields(**named: object) -> dict[str, object]:
    """Fields of a log line: `log.info("connected", extra=fields(camera="cam-1"))`."""
    return {"fields": named}
