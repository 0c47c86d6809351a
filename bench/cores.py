"""Which core a process stays on: servers on the first, load and mock on the second."""

from __future__ import annotations

import os


def pair() -> tuple[int | None, int | None]:
    """(for servers, for load and mock); (None, None) where there are no two, or the system does not let us choose."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    cores = sorted(os.sched_getaffinity(0))
    return (cores[0], cores[1]) if len(cores) > 1 else (None, None)


def stay_on(core: int | None) -> None:
    """For this process and all that it starts."""
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
