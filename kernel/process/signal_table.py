"""Signals of a process: what is set for each, and which wait (signal(7), sigaction(2))."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING

from codegen.lang import (
    Array,
    Fallible,
    UserAddr,
    count_trailing_zeros,
    inline,
    inline_array,
    invert,
    struct,
    u32,
    u64,
    uninitialised,
    width,
)
from kernel.base.tree import Tree
from kernel.memory.heap import Heap

if TYPE_CHECKING:
    from kernel.process.signal_queue import QueuedSignal

SIGNALS: u64 = 64
DEFAULT: UserAddr = UserAddr(0)
"""SIG_DFL."""
IGNORE: UserAddr = UserAddr(1)
"""SIG_IGN."""


@width(u32)
class Signal(IntEnum):
    """The standard signals of x86-64 (signal(7)); 32 to 64 are the real-time signals."""

    NONE = 0
    HANGUP = 1
    INTERRUPT = 2
    QUIT = 3
    ILLEGAL = 4
    TRAP = 5
    ABORT = 6
    BUS = 7
    FLOATING_POINT = 8
    KILL = 9
    USER_1 = 10
    SEGMENTATION = 11
    USER_2 = 12
    PIPE = 13
    ALARM = 14
    TERMINATE = 15
    STACK_FAULT = 16
    CHILD = 17
    CONTINUE = 18
    STOP = 19
    TERMINAL_STOP = 20
    TERMINAL_INPUT = 21
    TERMINAL_OUTPUT = 22
    URGENT = 23
    CPU_TIME = 24
    FILE_SIZE = 25
    VIRTUAL_ALARM = 26
    PROFILE = 27
    WINDOW = 28
    IO = 29
    POWER = 30
    BAD_CALL = 31


@width(u64)
class ActionFlags(IntFlag):
    """SA_*: `sa_flags` of sigaction(2)."""

    NONE = 0
    NO_CHILD_STOP = 0x1
    NO_CHILD_WAIT = 0x2
    SIGNAL_INFO = 0x4
    RESTORER = 0x0400_0000
    ON_STACK = 0x0800_0000
    RESTART = 0x1000_0000
    NO_DEFER = 0x4000_0000
    RESET_HANDLER = 0x8000_0000


def bit_of(signal: u32) -> u64:
    """The bit of `signal` (1 to 64) in a signal set (sigset_t)."""
    one: u64 = 1
    return one << (u64(signal) - 1)


UNBLOCKABLE: u64 = (1 << (9 - 1)) | (1 << (19 - 1))
"""SIGKILL and SIGSTOP can be neither blocked, nor caught, nor ignored."""

IGNORED_BY_DEFAULT: u64 = (1 << (17 - 1)) | (1 << (18 - 1)) | (1 << (23 - 1)) | (1 << (28 - 1))
"""SIGCHLD, SIGCONT, SIGURG, SIGWINCH: "Ign" in signal(7)."""

STOPPING_BY_DEFAULT: u64 = (1 << (19 - 1)) | (1 << (20 - 1)) | (1 << (21 - 1)) | (1 << (22 - 1))
"""SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU: "Stop" in signal(7)."""


def bits_of(signals: u64) -> Iterator[u64]:
    """The numbers of the bits that are set, from 0 on: the indices of those signals in a table."""
    rest = signals
    while rest != 0:
        yield u64(count_trailing_zeros(u64, rest))
        rest &= rest - 1


@struct
class SignalAction:
    """What happens when a signal arrives: struct kernel_sigaction, in the order in which rt_sigaction(2) copies it."""

    handler: UserAddr = DEFAULT
    flags: u64 = 0
    restorer: UserAddr = UserAddr(0)
    mask: u64 = 0

    def copy_from(self, other: SignalAction) -> None:
        """Be like `other`."""
        self.handler = other.handler
        self.flags = other.flags
        self.restorer = other.restorer
        self.mask = other.mask


@struct
class ActionTable:
    """The actions of all signals, of one process or of several that share them (CLONE_SIGHAND)."""

    actions: Array[SignalAction] = inline_array(64)
    changed: u64 = 0
    """Of which signals the action was ever set: those of all others are the default."""
    references: u64 = 1
    heap: Heap | None = None
    """Where it is from; None: it is the room that a process has for one."""

    def copy_from(self, other: ActionTable) -> None:
        """Have the actions of `other`."""
        self.changed = other.changed
        for index in bits_of(other.changed):
            self.actions[index].copy_from(other.actions[index])


@struct
class SignalTable:
    """The actions of a process, and the signals that were sent to it as a whole and not yet taken by a thread."""

    table: ActionTable = uninitialised()
    """Its own, or one that it shares with others."""
    own_table: ActionTable = inline()
    pending: u64 = 0
    queue: Tree[QueuedSignal] = inline()

    def action(self, signal: u32) -> SignalAction:
        """The action of `signal`, 1 to 64."""
        return self.table.actions[u64(signal) - 1]

    def set_action(self, signal: u32, handler: UserAddr, flags: u64, restorer: UserAddr, mask: u64) -> None:
        """Change what `signal` does."""
        action = self.action(signal)
        action.handler = handler
        action.flags = flags
        action.restorer = restorer
        action.mask = mask
        self.table.changed |= bit_of(signal)

    def begin_action(self, signal: u32, action: SignalAction) -> None:
        """`signal` is handled: fill in `action`, which no other thread changes meanwhile. SA_RESETHAND takes effect."""
        own = self.action(signal)
        action.copy_from(own)
        if own.flags & u64(ActionFlags.RESET_HANDLER) != 0:
            own.handler = DEFAULT

    def is_ignored(self, signal: u32) -> bool:
        """Whether `signal` would do nothing."""
        action = self.action(signal)
        if action.handler == IGNORE:
            return True
        return action.handler == DEFAULT and IGNORED_BY_DEFAULT & bit_of(signal) != 0

    def has_handler(self, signal: u32) -> bool:
        """Whether the program handles `signal` itself."""
        handler = self.action(signal).handler
        return handler != DEFAULT and handler != IGNORE

    def copy_from(self, other: SignalTable) -> None:
        """Take over the actions of `other` (fork(2)); nothing is pending."""
        self.table.copy_from(other.table)

    def share_with(self, other: SignalTable, heap: Heap) -> Fallible[None]:
        """Let the new process of `other` have the very actions of this one (CLONE_SIGHAND). ENOMEM."""
        if self.table.heap is None:
            made = heap.new(ActionTable)
            made.heap = heap
            made.copy_from(self.table)
            self.table = made
        other.table = self.table
        other.table.references += 1

    def drop_table(self) -> None:
        """The process has no actions any more: what it shared is freed with the last one that has it."""
        table = self.table
        heap = table.heap
        self.table = self.own_table
        if heap is None:
            return
        table.references -= 1
        if table.references == 0:
            heap.free(table)

    def reset_for_exec(self) -> None:
        """Handlers are gone with the program; what is ignored stays so (execve(2)). Others share nothing any more."""
        if self.table.heap is not None:
            self.own_table.copy_from(self.table)
            self.drop_table()
        for index in bits_of(self.table.changed):
            action = self.table.actions[index]
            if action.handler != IGNORE:
                action.handler = DEFAULT
            action.flags = 0
            action.restorer = UserAddr(0)
            action.mask = 0

    def take_pending(self, wanted: u64) -> None:
        """The signals in `wanted` are pending no more."""
        self.pending = self.pending & invert(u64, wanted)
