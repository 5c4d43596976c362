"""Line discipline: between the keyboard, the screen and the program that reads lines (termios(3), N_TTY of Linux).

Interface: `receive` takes what is typed and returns the signal that it means; `take` gives the program what it may
read; `print_from` takes what the program prints; `take_output` gives the screen what is to be shown. Pure logic:
nobody sleeps here, and who gets a signal is decided elsewhere.

Invariants
- `used` bytes are queued for the program, from `head` on in a ring; a byte with LINE_END ends a line.
- In canonical mode the last `editing` of them are the unfinished line, which can still be changed.
- A typed end of file is a NUL with LINE_END and END_MARK: it ends a line and is not read itself.
"""

from __future__ import annotations

from codegen.lang import (
    Array,
    MutableSlice,
    Slice,
    array,
    inline,
    struct,
    u8,
    u16,
    u32,
    u64,
)
from kernel.devices.output import NEWLINE, RETURN, SPACE, TAB, ScreenQueue
from kernel.devices.packet import PacketEvent
from kernel.devices.termios import (
    DISABLED,
    END_OF_FILE,
    END_OF_LINE,
    END_OF_LINE_2,
    ERASE,
    INTERRUPT,
    KILL,
    LITERAL_NEXT,
    MINIMUM,
    QUIT,
    REPRINT,
    START,
    STOP,
    SUSPEND,
    WORD_ERASE,
    InputFlags,
    LocalFlags,
    Termios,
)

INPUT_SIZE: u64 = 4096
"""N_TTY_BUF_SIZE."""
LINE_END: u16 = 0x100
END_MARK: u16 = 0x200

NO_SIGNAL: u32 = 0
SIGINT: u32 = 2
SIGQUIT: u32 = 3
SIGTSTP: u32 = 20


@struct
class LineDiscipline:
    """One terminal's input line and output."""

    termios: Termios = inline()
    screen: ScreenQueue = inline()
    head: u64 = 0
    used: u64 = 0
    editing: u64 = 0
    lines: u64 = 0
    """How many of the queued bytes end a line."""
    is_next_literal: bool = False
    queue: Array[u16] = array(INPUT_SIZE)

    def prepare(self) -> None:
        """Begin as a fresh terminal."""
        self.termios.reset_characters()

    @property
    def is_canonical(self) -> bool:
        """Whether the program reads whole lines."""
        return self.termios.has_local(LocalFlags.CANONICAL)

    @property
    def readable(self) -> u64:
        """How many queued bytes the program may read now; an end of file counts as one."""
        return self.used - self.editing

    @property
    def is_readable(self) -> bool:
        """Whether a read gives something: a line, or in raw mode a byte."""
        return self.lines > 0 if self.is_canonical else self.used > 0

    @property
    def has_room(self) -> bool:
        """Whether what is typed can be taken. A line that is too long is cut off, so that it can be ended."""
        return self.used < INPUT_SIZE or (self.is_canonical and self.lines == 0)

    # What is typed.

    def receive(self, typed: u8) -> u32:
        """Take one byte from the keyboard; returns the signal for the foreground, or NO_SIGNAL."""
        termios = self.termios
        byte = typed & 0x7F if termios.has_input(InputFlags.STRIP) else typed
        if self.is_next_literal:
            self.is_next_literal = False
            self.add(byte, 0)
            return NO_SIGNAL
        if self.is_flow_control(byte):
            return NO_SIGNAL
        signal = self.signal_of(byte)
        if signal != NO_SIGNAL:
            self.note_signal(byte)
            return signal
        if byte == RETURN:
            if termios.has_input(InputFlags.IGNORE_RETURN):
                return NO_SIGNAL
            if termios.has_input(InputFlags.RETURN_TO_NEWLINE):
                byte = NEWLINE
        elif byte == NEWLINE and termios.has_input(InputFlags.NEWLINE_TO_RETURN):
            byte = RETURN
        if not self.is_canonical:
            self.add(byte, 0)
        elif not self.is_editing_character(byte):
            self.add_to_line(byte)
        return NO_SIGNAL

    def is_flow_control(self, byte: u8) -> bool:
        """STOP and START with IXON; any other key lets the output go on with IXANY."""
        termios = self.termios
        if not termios.has_input(InputFlags.FLOW_OUTPUT):
            return False
        if termios.is_character(STOP, byte):
            self.screen.stop()
            return True
        if termios.is_character(START, byte):
            self.screen.start()
            return True
        if termios.has_input(InputFlags.ANY_STARTS):
            self.screen.start()
        return False

    def signal_of(self, byte: u8) -> u32:
        """The signal that the key stands for (ISIG)."""
        termios = self.termios
        if not termios.has_local(LocalFlags.SIGNALS):
            return NO_SIGNAL
        if termios.is_character(INTERRUPT, byte):
            return SIGINT
        if termios.is_character(QUIT, byte):
            return SIGQUIT
        if termios.is_character(SUSPEND, byte):
            return SIGTSTP
        return NO_SIGNAL

    def note_signal(self, byte: u8) -> None:
        """A key sent a signal: what was typed and printed before is dropped, unless NOFLSH says otherwise."""
        self.screen.start()
        if not self.termios.has_local(LocalFlags.NO_FLUSH):
            self.flush_input()
            self.screen.clear()
        if self.termios.has_local(LocalFlags.ECHO):
            self.screen.echo(self.termios, byte)

    def is_editing_character(self, byte: u8) -> bool:
        """Do what `byte` does to the unfinished line; False if it belongs to the line itself."""
        termios = self.termios
        extended = termios.has_local(LocalFlags.EXTENDED)
        if termios.is_character(ERASE, byte):
            self.erase_character()
        elif termios.is_character(KILL, byte):
            self.kill_line(byte)
        elif extended and termios.is_character(WORD_ERASE, byte):
            self.erase_word()
        elif extended and termios.is_character(LITERAL_NEXT, byte):
            self.is_next_literal = True
            if termios.has_local(LocalFlags.ECHO) and termios.has_local(LocalFlags.ECHO_CONTROL):
                self.screen.put_raw(b"^\b")
        elif extended and termios.is_character(REPRINT, byte):
            self.reprint(byte)
        else:
            return False
        return True

    def add_to_line(self, byte: u8) -> None:
        """Put `byte` at the end of the unfinished line, and end that if it is a newline or an end of file."""
        termios = self.termios
        if termios.is_character(END_OF_FILE, byte):
            self.put(DISABLED, LINE_END | END_MARK)
        elif byte == NEWLINE:
            if termios.has_local(LocalFlags.ECHO) or termios.has_local(LocalFlags.ECHO_NEWLINE):
                self.screen.put(termios, byte)
            self.put(byte, LINE_END)
        elif termios.is_character(END_OF_LINE, byte) or termios.is_character(END_OF_LINE_2, byte):
            self.add(byte, LINE_END)
        else:
            self.add(byte, 0)

    def add(self, byte: u8, mark: u16) -> None:
        """Echo `byte` and queue it."""
        if self.termios.has_local(LocalFlags.ECHO):
            if self.is_canonical and self.editing == 0:
                self.screen.line_start = self.screen.column
            self.screen.echo(self.termios, byte)
        self.put(byte, mark)

    def put(self, byte: u8, mark: u16) -> None:
        """Queue `byte`. When there is no room, the end of a line takes the last byte's place; the rest is lost."""
        if self.used == INPUT_SIZE:
            if mark == 0 or self.editing == 0:
                return
            self.used -= 1
            self.editing -= 1
        self.queue[(self.head + self.used) % INPUT_SIZE] = u16(byte) | mark
        self.used += 1
        if mark != 0:
            self.lines += 1
            self.editing = 0
        elif self.is_canonical:
            self.editing += 1

    # Editing.

    def last(self) -> u8:
        """The last byte of the unfinished line, which is not empty."""
        return u8(self.queue[(self.head + self.used - 1) % INPUT_SIZE] & 0xFF)

    def remove_last(self) -> u8:
        """Take the last byte off the unfinished line, which is not empty."""
        byte = self.last()
        self.used -= 1
        self.editing -= 1
        return byte

    def erase_character(self) -> None:
        """ERASE: the last character is gone, all bytes of it with IUTF8."""
        if self.editing == 0:
            return
        byte = self.remove_last()
        while self.termios.has_input(InputFlags.UTF8) and byte & 0xC0 == 0x80 and self.editing > 0:
            byte = self.remove_last()
        if self.termios.has_local(LocalFlags.ECHO):
            if self.termios.has_local(LocalFlags.ECHO_ERASE):
                self.unprint(byte)
            else:
                self.screen.echo(self.termios, self.termios.characters[ERASE])

    def erase_word(self) -> None:
        """WERASE: the blanks at the end are gone and the word before them."""
        seen_word = False
        while self.editing > 0:
            is_blank = self.last() == SPACE or self.last() == TAB
            if is_blank and seen_word:
                return
            if not is_blank:
                seen_word = True
            self.erase_character()

    def kill_line(self, byte: u8) -> None:
        """KILL: the whole unfinished line is gone."""
        termios = self.termios
        echoes = termios.has_local(LocalFlags.ECHO)
        if echoes and termios.has_local(LocalFlags.ECHO_KILL_ERASE) and termios.has_local(LocalFlags.ECHO_ERASE):
            while self.editing > 0:
                self.erase_character()
            return
        self.used -= self.editing
        self.editing = 0
        if echoes:
            self.screen.echo(termios, byte)
            if termios.has_local(LocalFlags.ECHO_KILL):
                self.screen.put(termios, NEWLINE)

    def unprint(self, byte: u8) -> None:
        """Take what `byte`, now gone from the line, shows as off the screen."""
        if byte == TAB:
            width = self.screen.column - self.column_at_end()
            for _ in range(width):
                self.screen.put_raw(b"\b")
        else:
            width = self.screen.width_of(self.termios, byte)
            for _ in range(width):
                self.screen.put_raw(b"\b \b")
        self.screen.column -= min(width, self.screen.column)

    def column_at_end(self) -> u64:
        """The column at which the unfinished line ends, which began at `screen.line_start`."""
        column = self.screen.line_start
        for index in range(self.used - self.editing, self.used):
            byte = u8(self.queue[(self.head + index) % INPUT_SIZE] & 0xFF)
            column += 8 - column % 8 if byte == TAB else self.screen.width_of(self.termios, byte)
        return min(column, self.screen.column)

    def reprint(self, byte: u8) -> None:
        """REPRINT: show the unfinished line once more."""
        if not self.termios.has_local(LocalFlags.ECHO):
            return
        self.screen.echo(self.termios, byte)
        self.screen.put(self.termios, NEWLINE)
        for index in range(self.used - self.editing, self.used):
            self.screen.echo(self.termios, u8(self.queue[(self.head + index) % INPUT_SIZE] & 0xFF))

    # What the program reads.

    def take(self, destination: MutableSlice[u8]) -> u64:
        """Give what may be read: at most one line in canonical mode. 0: nothing, or a typed end of file."""
        limit = u64(len(destination))
        canonical = self.is_canonical
        done: u64 = 0
        while self.readable > 0:
            entry = self.queue[self.head]
            ends = entry & LINE_END != 0
            is_mark = canonical and entry & END_MARK != 0
            if done == limit and not is_mark:
                break
            self.head = (self.head + 1) % INPUT_SIZE
            self.used -= 1
            if ends:
                self.lines -= 1
            if not is_mark:
                destination[done] = u8(entry & 0xFF)
                done += 1
            if canonical and ends:
                break
        return done

    @property
    def has_minimum(self) -> bool:
        """Whether a read in raw mode has as much as MIN asks for (termios(3))."""
        return self.used >= u64(max(self.termios.characters[MINIMUM], 1))

    def flush_input(self) -> None:
        """Drop what was typed and not read."""
        self.screen.events.note(PacketEvent.FLUSHED_INPUT)
        self.used = 0
        self.editing = 0
        self.lines = 0

    def set_modes(self, wanted: Termios) -> None:
        """Be as `wanted`: an unfinished line becomes readable in raw mode, and bytes of raw mode a line."""
        had_usual = self.termios.has_usual_flow_control
        self.termios.become(wanted)
        if self.termios.has_usual_flow_control != had_usual:
            if had_usual:
                self.screen.events.note(PacketEvent.UNUSUAL_FLOW_CONTROL, PacketEvent.USUAL_FLOW_CONTROL)
            else:
                self.screen.events.note(PacketEvent.USUAL_FLOW_CONTROL, PacketEvent.UNUSUAL_FLOW_CONTROL)
        if not self.is_canonical:
            self.editing = 0
        elif self.lines == 0:
            self.editing = self.used
        if not self.termios.has_input(InputFlags.FLOW_OUTPUT):
            self.screen.start()

    # What the program prints.

    def print_from(self, source: Slice[u8]) -> u64:
        """Put what the program prints on the screen; returns how many bytes there was room for."""
        done: u64 = 0
        total = u64(len(source))
        while done < total and self.screen.takes_output:
            self.screen.put(self.termios, source[done])
            done += 1
        return done
