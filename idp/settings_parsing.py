"""One setting's value from its text. What is wrong is said without repeating the value, which may be a secret."""

from dataclasses import Field
from pathlib import Path
from typing import Any


def parse_value(setting: "Field[Any]", raw: str) -> Any:
    """The field's value from its text; ValueError says what is wrong, and never repeats the value."""
    kind = (
        setting.type
        if isinstance(setting.type, str)
        else getattr(setting.type, "__name__", str(setting.type))
    )
    if kind == "bool":
        if raw not in ("true", "false"):
            raise ValueError("must be true or false.")
        return raw == "true"
    if kind == "int":
        return _parse_int(setting, raw)
    if "Path" in kind or kind == "Optional":
        return Path(raw)
    if kind.startswith("tuple"):
        return tuple(part.strip() for part in raw.split(",") if part.strip())
    allowed = setting.metadata["one_of"]
    if allowed and raw not in allowed:
        raise ValueError(f"must be one of: {', '.join(allowed)}.")
    return raw


def _parse_int(setting: "Field[Any]", raw: str) -> int:
    if not (raw.isascii() and raw.isdigit()):
        raise ValueError("must be a whole number.")
    value, low, high = int(raw), setting.metadata["at_least"], setting.metadata["at_most"]
    if not low <= value <= high:
        raise ValueError(f"must be from {low} to {high}.")
    return value
