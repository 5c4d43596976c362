"""The two ends of a pseudo-terminal as open files; what they do is done by the terminal (terminal.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Fallible, MutableSlice, Slice, UserAddr, i64, inline, struct, u8, u32, u64, uninitialised
from kernel.base.errno import EIO
from kernel.base.writer import Writer
from kernel.devices import terminal_control
from kernel.files.attributes import Attributes
from kernel.files.operations import Events, FileOps
from kernel.files.signalled import SignalledFiles

if TYPE_CHECKING:
    from kernel.devices.terminal import Terminal


@struct
class MasterEnd(FileOps):
    """The end with the keyboard and the screen."""

    terminal: Terminal = uninitialised()
    described: Attributes = inline()
    opens: u64 = 0

    def read_piece(self, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        return self.terminal.show(destination, wait)

    def write_piece(self, offset: u64, source: Slice[u8], wait: bool) -> Fallible[u64]:
        return self.terminal.type(source, wait)

    def write_details(self, writer: Writer, start: u64) -> u64:
        writer(f"tty-index:\t{self.terminal.number}\n")
        return 0

    def attributes(self) -> Attributes:
        return self.described

    def readiness(self) -> Events:
        terminal = self.terminal
        events = Events.NONE
        if terminal.line.screen.used > 0 and not terminal.line.screen.is_stopped:
            events = events | Events.INPUT | Events.READ_NORMAL
        if terminal.has_packets and terminal.line.screen.events.is_any:
            events = events | Events.INPUT | Events.READ_NORMAL | Events.PRIORITY
        if terminal.line.has_room:
            events = events | Events.OUTPUT | Events.WRITE_NORMAL
        if terminal.is_left:
            events = events | Events.HANG_UP
        return events

    def signalled(self) -> SignalledFiles | None:
        return self.terminal.master_signalled

    def control(self, request: u32, argument: UserAddr) -> Fallible[i64]:
        return terminal_control.control_master(self.terminal, request, argument)

    def closed(self) -> None:
        self.opens -= 1
        if self.opens == 0:
            self.terminal.hang_up()
        self.terminal.free_if_unused()

    def revoked(self) -> None:
        self.terminal.end()


@struct
class SlaveEnd(FileOps):
    """The end that programs see: the terminal."""

    terminal: Terminal = uninitialised()
    described: Attributes = inline()
    opens: u64 = 0
    is_hung_up: bool = False

    def read_piece(self, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        return self.terminal.read(destination, wait)

    def write_piece(self, offset: u64, source: Slice[u8], wait: bool) -> Fallible[u64]:
        return self.terminal.print(source, wait)

    def attributes(self) -> Attributes:
        return self.described

    def readiness(self) -> Events:
        if self.is_hung_up:
            return HUNG_UP_EVENTS
        line = self.terminal.line
        events = Events.NONE
        if self.terminal.is_ready_to_read:
            events = events | Events.INPUT | Events.READ_NORMAL
        if line.screen.takes_output:
            events = events | Events.OUTPUT | Events.WRITE_NORMAL
        return events

    def signalled(self) -> SignalledFiles | None:
        return self.terminal.slave_signalled

    def control(self, request: u32, argument: UserAddr) -> Fallible[i64]:
        if self.is_hung_up:
            raise EIO
        return terminal_control.control_slave(self.terminal, request, argument)

    def closed(self) -> None:
        self.opens -= 1
        if self.opens == 0:
            self.is_hung_up = self.terminal.master.opens == 0
            self.terminal.changed_state()
        self.terminal.free_if_unused()

    def revoked(self) -> None:
        self.terminal.end()


HUNG_UP_EVENTS = Events.INPUT | Events.OUTPUT | Events.ERROR | Events.HANG_UP | Events.READ_NORMAL | Events.WRITE_NORMAL
"""What poll(2) tells of a terminal that was hung up (hung_up_tty_poll of Linux)."""
