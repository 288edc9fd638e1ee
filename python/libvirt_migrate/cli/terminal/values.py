"""Values that people write and read: durations, sizes, rates."""

from __future__ import annotations

import re

#: Seconds of each unit.
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


def duration(text: str) -> float:
    """Seconds from `300ms`, `5m`, `1m30s` or a number of seconds. Raises ValueError with a reason."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        seconds = float(text)
    else:
        parts = _DURATION.findall(text)
        if not parts or "".join(number + unit for number, unit in parts) != text:
            raise ValueError(f"{text!r} is no duration: write 300ms, 5m, 1m30s or a number of seconds")
        seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if not 0 < seconds <= 365 * 86400:
        raise ValueError(f"{text!r} is out of range: above 0, and a year at most")
    return seconds


#: Bytes/s of each unit.
_RATES = {
    **{f"{prefix}bit": 1000.0**power / 8 for power, prefix in enumerate(["", "k", "M", "G", "T"])},
    **{f"{prefix}B": 1000.0**power for power, prefix in enumerate(["", "k", "M", "G"])},
    **{f"{prefix}iB": 1024.0**power for power, prefix in enumerate(["K", "M", "G"], 1)},
}
_RATE = re.compile(r"(\d+(?:\.\d+)?) ?([kKMGT]?(?:bit|iB|B))(?:/s)?")


def rate(text: str) -> float:
    """Bytes/s from `1Gbit/s`, `100Mbit`, `120MiB/s`. Raises ValueError with a reason."""
    found = _RATE.fullmatch(text)
    unit = _RATES.get(found[2]) if found else None
    if found is None or unit is None:
        raise ValueError(f"{text!r} is no rate: write 1Gbit/s, 100Mbit/s or 120MiB/s")
    bytes_per_second = float(found[1]) * unit
    if not 1 <= bytes_per_second <= 1e15:
        raise ValueError(f"{text!r} is out of range: 1B/s to 8000Tbit/s")
    return bytes_per_second


def show_link(count: float) -> str:
    """What a link carries, as links are named."""
    bits = count * 8
    for unit in ("bit/s", "kbit/s", "Mbit/s"):
        if bits < 1000:
            return f"{bits:.3g} {unit}"
        bits /= 1000
    return f"{bits:.3g} Gbit/s"


def show_size(count: float | None) -> str:
    """A number of bytes in the unit that suits it."""
    if count is None:
        return "?"
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"


def show_rate(count: float | None) -> str:
    """Bytes a second."""
    return "?" if count is None else f"{show_size(count)}/s"


def show_passes(count: int) -> str:
    """How often the memory was gone through."""
    return f"{count} pass{'' if count == 1 else 'es'}"


def show_time(seconds: float | None) -> str:
    """A time in the unit that suits it."""
    if seconds is None:
        return "?"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
