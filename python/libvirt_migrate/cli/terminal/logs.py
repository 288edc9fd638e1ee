"""`-v` and `--log-format`: what the logger `libvirt_migrate` tells, on standard error."""

from __future__ import annotations

import json
import logging
from typing import Literal

from ..errors import one_line


def log(verbose: int, form: Literal["text", "json"] | None) -> None:
    """Starts to log: the steps of a migration, and with a second `-v` each of its statistics as well."""
    if not verbose and form is None:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if form == "json" else _Text())
    logger = logging.getLogger("libvirt_migrate")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if verbose > 1 else logging.INFO)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = self.formatTime(record)
        return f"{time} {record.levelname.lower()} {one_line(record.getMessage())}"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": one_line(record.getMessage()),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields)
