"""What a terminal shows: output processing (OPOST) and echo, queued until the screen takes it (termios(3)).

Invariant: `used` bytes are queued, from `head` on in a ring. Programs may not fill the last ECHO_ROOM bytes, so that
keys are echoed while a program prints; an echo that finds no room is lost.
"""

from __future__ import annotations

from codegen.lang import Array, MutableSlice, Slice, array, inline, struct, u8, u64
from kernel.devices.packet import DATA, PacketEvent, PacketEvents
from kernel.devices.termios import LocalFlags, OutputFlags, Termios

OUTPUT_SIZE: u64 = 4096
ECHO_ROOM: u64 = 256
TAB_WIDTH: u64 = 8

BACKSPACE: u8 = 0x08
TAB: u8 = 0x09
NEWLINE: u8 = 0x0A
RETURN: u8 = 0x0D
SPACE: u8 = 0x20
DELETE: u8 = 0x7F
CARET: u8 = 0x5E


@struct
class ScreenQueue:
    """What is to be shown, and where the cursor will stand."""

    head: u64 = 0
    used: u64 = 0
    column: u64 = 0
    line_start: u64 = 0
    """The column where the line that is typed begins."""
    is_stopped: bool = False
    """STOP was typed: nothing is shown until START is."""
    events: PacketEvents = inline()
    """What packet mode tells of besides what is shown."""
    queue: Array[u8] = array(OUTPUT_SIZE)

    @property
    def takes_output(self) -> bool:
        """Whether one more byte of a program, however it is expanded, has room."""
        return not self.is_stopped and OUTPUT_SIZE - self.used > ECHO_ROOM

    def store(self, byte: u8) -> None:
        """Queue `byte` as it is."""
        if self.used < OUTPUT_SIZE:
            self.queue[(self.head + self.used) % OUTPUT_SIZE] = byte
            self.used += 1

    def put_raw(self, text: Slice[u8]) -> None:
        """Queue a control sequence that leaves the cursor where it was."""
        for index in range(u64(len(text))):
            self.store(text[index])

    def put(self, termios: Termios, byte: u8) -> None:
        """Queue `byte` after output processing, and move the cursor."""
        shown = byte
        if termios.has_output(OutputFlags.PROCESS):
            if byte == RETURN:
                if self.column == 0 and termios.has_output(OutputFlags.NO_RETURN_AT_START):
                    return
                if termios.has_output(OutputFlags.RETURN_TO_NEWLINE):
                    shown = NEWLINE
            elif byte == NEWLINE:
                if termios.has_output(OutputFlags.NEWLINE_TO_BOTH):
                    self.store(RETURN)
                    self.column = 0
                elif termios.has_output(OutputFlags.NEWLINE_RETURNS):
                    self.column = 0
            elif byte == TAB and termios.has_output(OutputFlags.EXPAND_TABS):
                for _ in range(TAB_WIDTH - self.column % TAB_WIDTH):
                    self.store(SPACE)
                    self.column += 1
                return
        self.store(shown)
        self.move(shown)

    def move(self, byte: u8) -> None:
        """Move the cursor as showing `byte` does."""
        if byte == RETURN:
            self.column = 0
        elif byte == TAB:
            self.column += TAB_WIDTH - self.column % TAB_WIDTH
        elif byte == BACKSPACE:
            self.column -= min(self.column, 1)
        elif byte >= SPACE and byte != DELETE and byte & 0xC0 != 0x80:
            self.column += 1

    def echo(self, termios: Termios, byte: u8) -> None:
        """Show a key that was typed; control characters as ^X with ECHOCTL."""
        if self.is_caret_form(termios, byte):
            self.store(CARET)
            self.store(byte ^ 0x40)
            self.column += 2
        else:
            self.put(termios, byte)

    def is_caret_form(self, termios: Termios, byte: u8) -> bool:
        """Whether `byte` is echoed as ^X: control characters but tab and newline."""
        if not termios.has_local(LocalFlags.ECHO_CONTROL):
            return False
        return byte == DELETE or (byte < SPACE and byte != TAB and byte != NEWLINE)

    def width_of(self, termios: Termios, byte: u8) -> u64:
        """How many columns the echo of `byte` took; a tab is for the caller to know."""
        if self.is_caret_form(termios, byte):
            return 2
        return 1 if byte >= SPACE and byte != DELETE else 0

    def take(self, destination: MutableSlice[u8]) -> u64:
        """Give what is to be shown, at most len(destination) bytes; nothing while the output is stopped."""
        if self.is_stopped:
            return 0
        done: u64 = 0
        limit = u64(len(destination))
        while done < limit and self.used > 0:
            destination[done] = self.queue[self.head]
            self.head = (self.head + 1) % OUTPUT_SIZE
            self.used -= 1
            done += 1
        return done

    def take_packet(self, destination: MutableSlice[u8]) -> u64:
        """`take` in packet mode: what happened, or a zero and what is to be shown; there is room for a byte."""
        happened = self.events.take()
        if happened != DATA:
            destination[0] = happened
            return 1
        if self.used == 0 or self.is_stopped:
            return 0
        destination[0] = DATA
        return 1 + self.take(destination[1 : u64(len(destination))])

    def clear(self) -> None:
        """Drop what was not shown yet."""
        self.used = 0
        self.events.note(PacketEvent.FLUSHED_OUTPUT)

    def stop(self) -> None:
        """Show nothing until `start`."""
        if not self.is_stopped:
            self.is_stopped = True
            self.events.note(PacketEvent.STOPPED, PacketEvent.STARTED)

    def start(self) -> None:
        """Show what is to be shown again."""
        if self.is_stopped:
            self.is_stopped = False
            self.events.note(PacketEvent.STARTED, PacketEvent.STOPPED)
