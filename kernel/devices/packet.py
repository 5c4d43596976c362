"""Packet mode of a pseudo-terminal: each read of the master begins with a byte that says what follows (TIOCPKT,
ioctl_tty(2)).

0 is what was printed; anything else stands alone, and says what happened to the slave since the last read. What
happens is noted by the line discipline and its screen, whether anybody wants to know or not.
"""

from __future__ import annotations

from enum import IntFlag

from codegen.lang import invert, struct, u8, width


@width(u8)
class PacketEvent(IntFlag):
    """TIOCPKT_*."""

    NONE = 0
    FLUSHED_INPUT = 0x1
    FLUSHED_OUTPUT = 0x2
    STOPPED = 0x4
    STARTED = 0x8
    UNUSUAL_FLOW_CONTROL = 0x10
    USUAL_FLOW_CONTROL = 0x20
    """^S and ^Q hold the output back and let it go on."""


DATA: u8 = 0
"""TIOCPKT_DATA."""


@struct
class PacketEvents:
    """What happened since the master was last told."""

    noted: PacketEvent = PacketEvent.NONE

    @property
    def is_any(self) -> bool:
        """Whether something happened."""
        return self.noted != PacketEvent.NONE

    def note(self, event: PacketEvent, instead_of: PacketEvent = PacketEvent.NONE) -> None:
        """Something happened, and undid another thing."""
        kept = u8(self.noted) & invert(u8, u8(instead_of))
        self.noted = PacketEvent(kept) | event

    def take(self) -> u8:
        """What happened, which is told of from now on; 0: nothing."""
        told = u8(self.noted)
        self.noted = PacketEvent.NONE
        return told
