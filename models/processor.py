"""What this machine's processor can do."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

CPUINFO: Final = Path("/proc/cpuinfo")
VNNI: Final = frozenset({"avx512_vnni", "avx_vnni"})
"""Instructions that multiply and add bytes in one step; without them INT8 is slower, or saturates."""


@cache
def has_vnni(cpuinfo: Path = CPUINFO) -> bool:
    """Whether INT8 pays here. False where it cannot be told."""
    try:
        text = cpuinfo.read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return not VNNI.isdisjoint(flags.split())
