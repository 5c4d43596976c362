"""Who is told of open files by signals, and how (fcntl(2), F_SETOWN, F_SETSIG): `SignalRoute` of kernel/files/route.py.

Interface: `route_of` gives the one of an open file, made when it is first asked for.

A receiver is known by its number in the container of who named it, and by that it has been there since; it is not kept.
Of a group whose last member has ended that is not known, so another one that got its number much later is told.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from codegen.lang import Fallible, Nanoseconds, Pid, i32, inline, local, struct, u32, u64, width
from kernel.base.errno import EIO
from kernel.base.list import Link
from kernel.files.credentials import Credentials
from kernel.files.file import OpenFile
from kernel.files.operations import Events
from kernel.files.route import Band, SignalRoute
from kernel.memory.heap import free
from kernel.process.process import Process
from kernel.process.send import (
    send_information,
    send_information_to_thread,
    send_to_process,
    send_to_thread,
)
from kernel.process.signal_queue import SignalInfo
from kernel.process.signal_table import Signal, bit_of
from kernel.sched.thread import Thread
from kernel.sched.timer import now

if TYPE_CHECKING:
    from kernel.process.numbers import Numbers

SI_SIGIO: i32 = -5
OWN_CODES: u64 = 0x4001_04D8
"""SIGILL SIGTRAP SIGBUS SIGFPE SIGSEGV SIGCHLD SIGSYS, as bits of a set."""
MESSAGE_EVENT: u32 = 0x400
"""POLLMSG."""


@width(u32)
class ReceiverKind(IntEnum):
    """F_OWNER_*."""

    THREAD = 0
    PROCESS = 1
    GROUP = 2


@struct
class FileSignals(SignalRoute):
    """The receiver of one open file, and the signal."""

    numbers: Numbers | None = None
    """Those of the container of the receiver, if there is one and the container still is."""
    numbers_link: Link[FileSignals] = inline()
    kind: ReceiverKind = ReceiverKind.THREAD
    number: Pid = Pid(0)
    since: Nanoseconds = Nanoseconds(0)
    user: u32 = 0
    effective_user: u32 = 0
    signal: u32 = 0
    """0: SIGIO, without information."""
    fd: u32 = 0

    # Who is told.

    def name_receiver(self, numbers: Numbers, kind: ReceiverKind, number: Pid, who: Credentials) -> None:
        """F_SETOWN: from now on what has this number."""
        self.forget_receiver()
        self.kind = kind
        self.number = number
        if number == Pid(0):
            return
        self.since = now()
        self.user = who.real_user
        self.effective_user = who.effective_user
        self.numbers = numbers
        numbers.file_signals.push_last(self)

    def forget_receiver(self) -> None:
        """Nobody is told."""
        numbers = self.numbers
        if numbers is not None:
            numbers.file_signals.remove(self)
            self.numbers = None
        self.number = Pid(0)

    @property
    def process(self) -> Process | None:
        """The process that is told."""
        numbers = self.numbers
        found = None if numbers is None else numbers.find(self.number)
        return None if found is None or found.started > self.since else found

    @property
    def thread(self) -> Thread | None:
        """The thread that is told."""
        numbers = self.numbers
        found = None if numbers is None else numbers.find_thread(self.number)
        return None if found is None or found.process.started > self.since else found

    @property
    def exists(self) -> bool:
        """Whether there is anybody."""
        numbers = self.numbers
        if numbers is None:
            return False
        if self.kind == ReceiverKind.THREAD:
            return self.thread is not None
        if self.kind == ReceiverKind.PROCESS:
            return self.process is not None
        return numbers.first_of(self.number) is not None

    # SignalRoute.

    def tell(self, band: Band) -> None:
        self.tell_of(self.fd, band)

    def tell_of(self, fd: u32, band: Band) -> None:
        numbers = self.numbers
        if numbers is None:
            return
        if self.kind == ReceiverKind.THREAD:
            thread = self.thread
            if thread is not None:
                self.send(thread.process, thread, fd, band)
        elif self.kind == ReceiverKind.PROCESS:
            process = self.process
            if process is not None:
                self.send(process, None, fd, band)
        else:
            for member in numbers.group(self.number):
                self.send(member, None, fd, band)

    def forget(self) -> None:
        self.forget_receiver()
        self.signal = 0

    def free(self) -> None:
        self.forget_receiver()
        free(self)

    # Sending.

    def send(self, process: Process, thread: Thread | None, fd: u32, band: Band) -> None:
        """Send the signal to a process or one of its threads; SIGIO when it cannot be queued (send_sigio_to_task())."""
        if process.is_zombie or not self.may_tell(process.credentials):
            return
        if self.signal != 0:
            info = local(SignalInfo)
            info.signal = self.signal
            info.code = i32(band) if not has_own_codes(self.signal) else SI_SIGIO
            info.word = u64(events_of(band))
            info.value = u64(fd)
            if thread is None:
                send_information(process, info)
            else:
                send_information_to_thread(thread, info)
            if not info.lost:
                return
        if thread is None:
            send_to_process(process, u32(Signal.IO))
        else:
            send_to_thread(thread, u32(Signal.IO))

    def may_tell(self, receiver: Credentials) -> bool:
        """Whether who named the receiver may send it signals (sigio_perm())."""
        if self.effective_user == 0:
            return True
        is_own = self.user == receiver.real_user or self.user == receiver.saved_user
        return is_own or self.effective_user == receiver.real_user or self.effective_user == receiver.saved_user


def has_own_codes(signal: u32) -> bool:
    """Whether `si_code` means something else for a signal (sig_specific_sicodes())."""
    return bit_of(signal) & OWN_CODES != 0


def events_of(band: Band) -> u32:
    """`si_band`: the events of poll(2)."""
    match band:
        case Band.INPUT:
            return u32(Events.INPUT | Events.READ_NORMAL)
        case Band.OUTPUT:
            return u32(Events.OUTPUT | Events.WRITE_NORMAL | Events.WRITE_BAND)
        case Band.MESSAGE:
            return u32(Events.INPUT | Events.READ_NORMAL) | MESSAGE_EVENT
        case Band.HANG_UP:
            return u32(Events.HANG_UP | Events.ERROR)


def route_of(file: OpenFile) -> Fallible[FileSignals]:
    """The receiver and signal of an open file, which names nobody at first. ENOMEM; EIO for one that was revoked."""
    route = file.route
    if route is not None:
        assert isinstance(route, FileSignals), "there is one kind"
        return route
    owner = file.owner
    if owner is None:
        raise EIO
    made = owner.account.heap.new(FileSignals)
    file.route = made
    return made
