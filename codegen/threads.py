"""Whether this process may be forked; apart, as it is asked before the compiler is loaded."""

from __future__ import annotations

import os
import threading


def may_fork() -> bool:
    """Whether this process has one thread only; those that a library has started count, too.

    What another thread holds at that moment stays locked in the copy for ever (fork(2)).
    """
    try:
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return threading.active_count() == 1
