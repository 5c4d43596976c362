"""Rights: descriptors that are passed in messages (unix(7), SCM_RIGHTS), and the end of those that never arrive.

Interface: `new_passed` makes one of an open file; `launch` when its message is queued, `land` when it is in no queue
any more; `dispose` gives a chain of them back, and `work_off`, called soon afterwards, closes what that leaves unused.

An open file knows how many of its references are in queues (`OpenFile.in_flight`), and a socket which descriptors in
queues refer to it (`flights`): that is what collect.py needs to find sockets that only reach each other.

To close a file may empty the queue of a socket, with further files in it, and so on. So nothing that was in a queue is
closed where the queue is emptied: it is put on `DISPOSAL`, which one thread works off, however deep they were nested.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Fallible, bounded, field_offset, inline, must_use, struct, u64, uninitialised
from kernel.base.errno import ENOMEM
from kernel.base.list import Link, List
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock
from kernel.files.file import DEAD_FILE, Descriptor, OpenFile
from kernel.machine.cpu import current_thread_address
from kernel.memory.heap import free

if TYPE_CHECKING:
    from kernel.net.unix.socket import UnixSocket

PASSED_MAX: u64 = 253
"""SCM_MAX_FD: how many descriptors one message may carry."""


@struct
class Passed:
    """One descriptor on its way. It holds the open file as a slot of a file table does."""

    sender: UnixSocket = uninitialised()
    """The socket that it was sent from, held, whose container pays."""
    slot: Descriptor = inline()
    next: Passed | None = None
    """The next one of the same message."""
    disposal_link: Link[Passed] = inline()

    # Under IN_FLIGHT.lock.
    holder: UnixSocket | None = None
    """The socket in whose queue it is."""
    target: UnixSocket | None = None
    """The socket that the open file is, while it is in a queue."""
    is_counted: bool = False
    """Whether it is in the open file's `in_flight`."""
    flight_link: Link[Passed] = inline()

    @property
    def file(self) -> OpenFile:
        """The open file."""
        file = self.slot.file
        assert file is not None, "a passed descriptor has a file until it is freed"
        return file


@struct
class InFlight:
    """What guards which descriptors are in which queues."""

    lock: SpinLock = inline(SpinLock(LockRank.IN_FLIGHT))


IN_FLIGHT = InFlight()


@struct
class Disposal:
    """Descriptors that nobody will receive, whose files are still to be let go of."""

    lock: SpinLock = inline(SpinLock(LockRank.IN_FLIGHT))
    waiting: List[Passed] = inline(List(Passed.disposal_link))
    worker: u64 = 0
    """The thread that works it off, by its address; 0: none."""


DISPOSAL = Disposal()


@must_use
def new_passed(sender: UnixSocket, file: OpenFile) -> Fallible[Passed]:
    """A descriptor for `file` that is to be sent from `sender`. ENOMEM."""
    passed = sender.stack.account.heap.new(Passed)
    passed.sender = sender
    sender.hold()
    file.hold()
    passed.slot.file = file
    file.holders.push_last(passed.slot)
    return passed


def launch(first: Passed, holder: UnixSocket) -> None:
    """The descriptors of a message are put into the queue of `holder`, with it."""
    passed: Passed | None = first
    with IN_FLIGHT.lock:
        while passed is not None:
            passed.sender.stack.in_flight.fetch_add(1)
            passed.holder = holder
            file = passed.file
            if file is not DEAD_FILE:
                file.in_flight += 1
                passed.is_counted = True
                target = holder.behind(file)
                if target is not None:
                    passed.target = target
                    target.flights.offset = field_offset(Passed.flight_link)
                    target.flights.push_last(passed)
            passed = passed.next


def land(first: Passed) -> None:
    """The descriptors of a message are in no queue any more: each is a reference of who has the message."""
    passed: Passed | None = first
    with IN_FLIGHT.lock:
        while passed is not None:
            passed.sender.stack.in_flight.fetch_sub(1)
            passed.holder = None
            target = passed.target
            if target is not None:
                passed.target = None
                target.flights.remove(passed)
            file = passed.file
            if passed.is_counted and file is not DEAD_FILE:
                file.in_flight -= 1
            passed.is_counted = False
            passed = passed.next


def duplicate(sender: UnixSocket, first: Passed) -> Passed | None:
    """The same descriptors once more, for who only peeks; as on Linux all or, without memory, none."""
    made: Passed | None = None
    passed: Passed | None = first
    last: Passed | None = None
    while passed is not None:
        try:
            twin = new_passed(sender, passed.file)
        except ENOMEM:
            dispose(made)
            return None
        if last is None:
            made = twin
        else:
            last.next = twin
        last = twin
        passed = passed.next
    return made


def forget_flights(socket: UnixSocket) -> None:
    """`socket` is closed though descriptors in queues refer to it, as its container is destroyed."""
    with IN_FLIGHT.lock:
        while True:
            passed = socket.flights.pop_first()
            if passed is None:
                return
            passed.target = None


def dispose(first: Passed | None) -> None:
    """Nobody will receive these descriptors, which are in no queue: `work_off` lets go of them."""
    if first is None:
        return
    passed: Passed | None = first
    with DISPOSAL.lock:
        while passed is not None:
            DISPOSAL.waiting.push_last(passed)
            passed = passed.next


@bounded(2)
def work_off() -> None:
    """Let go of what is waiting, unless a thread is at it: perhaps this very one, further up its stack."""
    with DISPOSAL.lock:
        if DISPOSAL.worker != 0 or DISPOSAL.waiting.is_empty:
            return
        DISPOSAL.worker = current_thread_address()
    while True:
        with DISPOSAL.lock:
            passed = DISPOSAL.waiting.pop_first()
            if passed is None:
                DISPOSAL.worker = 0
                return
        free_passed(passed)


def free_passed(passed: Passed) -> None:
    """Let go of one descriptor, which may close its file."""
    file = passed.file
    file.holders.remove(passed.slot)
    passed.slot.file = None
    sender = passed.sender
    free(passed)
    sender.drop()
    file.drop()
