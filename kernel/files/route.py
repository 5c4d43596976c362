"""Where the signals of an open file go (fcntl(2), "Managing signals").

Interface: `OpenFile.route`. kernel/process/file_signals.py implements it; signalled.py, lease.py and notice.py use it.
"""

from __future__ import annotations

from enum import IntEnum

from codegen.lang import Interface, u32, width


@width(u32)
class Band(IntEnum):
    """POLL_*: what a file is ready for (`si_code` of sigaction(2))."""

    INPUT = 1
    OUTPUT = 2
    MESSAGE = 3
    """A lease is to be given up, or something happened in a directory."""
    HANG_UP = 6


class SignalRoute(Interface):
    """Who is told of an open file, and by which signal."""

    def tell(self, band: Band) -> None:
        """Tell that the file is ready, by the descriptor with which O_ASYNC was set."""
        ...

    def tell_of(self, fd: u32, band: Band) -> None:
        """`tell`, by another descriptor."""
        ...

    def forget(self) -> None:
        """Nobody is told any more, nor by another signal than SIGIO (f_delown())."""
        ...

    def free(self) -> None:
        """The open file ends."""
        ...
