"""How the long-running commands log: lines for a terminal, or one JSON object a line for a collector."""

from __future__ import annotations

import logging
import sys

import orjson

from cem.settings import Settings

__all__ = ["configure_logs"]

#: Libraries whose information is about themselves.
_NOISY = ("aiokafka", "faust", "mode", "asyncio")


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class _TextLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # What came from outside must not end the line, or it could forge the next one.
        text = super().format(record)
        if record.exc_info:
            return text
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def configure_logs(settings: Settings) -> None:
    """Log to standard error at the settings' level and in their format."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _JsonLines()
        if settings.log_format == "json"
        else _TextLines("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    )
    level = getattr(logging, settings.log_level.upper())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, level) if level > logging.DEBUG else level)
