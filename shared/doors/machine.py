"""What the machine under the app has to give."""

import os
from pathlib import Path

_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_SHARE = 4
"""Planning leaves three quarters of the instance to the worker itself and to the batches in flight."""

_MOST_MB = 440
"""More than this makes no plan faster: what does not fit goes through temporary files. Ten million rows fit."""


def engine_memory_mb() -> int:
    """Megabytes the planning engine may use on this instance."""
    return max(128, min(_MOST_MB, instance_memory_mb() // _SHARE))


def instance_memory_mb() -> int:
    """Megabytes of the instance: the container's limit where there is one, else the machine's memory."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_container_limits()]) // 1_048_576


def _container_limits() -> list[int]:
    texts = [Path(path).read_text().strip() for path in _LIMITS if Path(path).exists()]
    return [int(text) for text in texts if text.isdecimal()]
