"""Control messages: what comes with a message beside its bytes (cmsg(3), unix(7), "Ancillary messages").

Interface: `take_control` for what is sent, `ControlOut` and `put_control` for what was received.
"""

from __future__ import annotations

from codegen.lang import (
    Errno,
    Fallible,
    Fd,
    Nanoseconds,
    Pid,
    Slice,
    UserAddr,
    UserSlice,
    align_up,
    i32,
    local_array,
    on_error,
    store,
    struct,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EBADF, EFAULT, EINVAL, ENOBUFS, EPERM, ESRCH, ETOOMANYREFS
from kernel.files.capability import Capability
from kernel.files.table import FileTable
from kernel.memory import user
from kernel.net.socket.envelope import Envelope
from kernel.net.socket.kind import MSG_CMSG_CLOEXEC, MSG_CTRUNC
from kernel.net.socket.options import SO_TIMESTAMPNS, SO_TIMESTAMPNS_NEW
from kernel.net.unix import rights
from kernel.net.unix.collect import IN_FLIGHT_MAX
from kernel.net.unix.rights import PASSED_MAX, Passed
from kernel.net.unix.socket import UnixSocket
from kernel.sched.thread import Thread
from kernel.syscalls.files_support import advance

HEADER: u64 = 16
"""The size of a `struct cmsghdr`: length with the header (8 bytes), level and type (4 each)."""
ALIGNMENT: u64 = 8
SOL_SOCKET: i32 = 1
SCM_RIGHTS: u32 = 1
SCM_CREDENTIALS: u32 = 2
CREDENTIALS_SIZE: u64 = 12
"""`struct ucred`: pid, user and group."""
DESCRIPTOR_SIZE: u64 = 4
CONTROL_MAX: u64 = 131_072
"""net.core.optmem_max: more is ENOBUFS."""
EVERY: u32 = 0xFFFF_FFFF
SECOND: u64 = 1_000_000_000


# Sending.


def take_control(
    task: Thread, socket: UnixSocket, address: UserAddr, length: u64, envelope: Envelope
) -> Fallible[None]:
    """Put what the control messages at `address` say into the envelope.

    EINVAL, EBADF, EPERM and ESRCH for credentials that are not the caller's, ETOOMANYREFS, ENOBUFS, ENOMEM, EFAULT.
    """
    if length > CONTROL_MAX:
        raise ENOBUFS
    with on_error(give_up, envelope):
        offset: u64 = 0
        while length - offset >= HEADER:
            place = advance(address, offset)
            size = user.get(u64, place)
            if size < HEADER or size > length - offset:
                raise EINVAL
            if user.get(i32, advance(place, 8)) == SOL_SOCKET:
                take_one(task, socket, place, size - HEADER, envelope)
            offset += min(align_up(size, ALIGNMENT), length - offset)
        if envelope.passed is not None:
            check_in_flight(task, socket)


def give_up(envelope: Envelope) -> None:
    """Let go of the descriptors that were taken already."""
    rights.dispose(envelope.passed)
    envelope.passed = None
    rights.work_off()


def take_one(task: Thread, socket: UnixSocket, place: UserAddr, size: u64, envelope: Envelope) -> Fallible[None]:
    """One control message of the level of sockets, with `size` bytes."""
    kind = user.get(u32, advance(place, 12))
    data = advance(place, HEADER)
    if kind == SCM_RIGHTS:
        take_descriptors(task, socket, data, size // DESCRIPTOR_SIZE, envelope)
    elif kind == SCM_CREDENTIALS:
        if size != CREDENTIALS_SIZE:
            raise EINVAL
        take_credentials(task, data, envelope)
    else:
        raise EINVAL


def take_descriptors(
    task: Thread, socket: UnixSocket, data: UserAddr, count: u64, envelope: Envelope
) -> Fallible[None]:
    """SCM_RIGHTS: `count` descriptors of the caller. EINVAL for too many in one message, EBADF."""
    if count == 0:
        return
    last: Passed | None = None
    taken: u64 = 0
    passed = envelope.passed
    while passed is not None:
        last = passed
        passed = passed.next
        taken += 1
    if count > PASSED_MAX - taken:
        raise EINVAL
    for index in range(count):
        fd = user.get(i32, advance(data, index * DESCRIPTOR_SIZE))
        if fd < 0:
            raise EBADF
        made = rights.new_passed(socket, task.process.files.get(Fd(fd)))
        if last is None:
            envelope.passed = made
        else:
            last.next = made
        last = made


def check_in_flight(task: Thread, socket: UnixSocket) -> Fallible[None]:
    """ETOOMANYREFS when more descriptors have not arrived than the caller may have open; never IN_FLIGHT_MAX."""
    count = socket.stack.in_flight.load()
    own = task.process.credentials
    if count > task.process.files.limit and not own.has(Capability.SYS_RESOURCE) and not own.has(Capability.SYS_ADMIN):
        raise ETOOMANYREFS
    if count >= IN_FLIGHT_MAX:
        raise ETOOMANYREFS


def take_credentials(task: Thread, data: UserAddr, envelope: Envelope) -> Fallible[None]:
    """SCM_CREDENTIALS: the caller, or for user 0 anybody. EINVAL, EPERM, ESRCH for a process that there is not."""
    pid = user.get(i32, data)
    user_id = user.get(u32, advance(data, 4))
    group_id = user.get(u32, advance(data, 8))
    if user_id == EVERY or group_id == EVERY:
        raise EINVAL
    process = task.process
    own = process.credentials
    is_user = user_id == own.real_user or user_id == own.effective_user or user_id == own.saved_user
    is_group = group_id == own.real_group or group_id == own.effective_group or group_id == own.saved_group
    if pid != i32(process.pid) and not own.has(Capability.SYS_ADMIN):
        raise EPERM
    if (not is_user and not own.has(Capability.SETUID)) or (not is_group and not own.has(Capability.SETGID)):
        raise EPERM
    if pid != i32(process.pid):
        if pid <= 0:
            raise ESRCH
        process.container.numbers.process(Pid(pid))
    envelope.identity.set(process.container.id, pid, user_id, group_id)
    envelope.is_explicit = True


# Receiving.


@struct
class ControlOut:
    """Where control messages go, and how much room is left there."""

    address: UserAddr = UserAddr(0)
    left: u64 = 0
    told: u32 = 0
    """MSG_CTRUNC when not all had room."""

    def begin(self, address: UserAddr, length: u64) -> None:
        """Write to `address`, at most `length` bytes; none if there is no place."""
        self.address = address
        self.left = length

    def put(self, kind: u32, data: Slice[u8]) -> Fallible[None]:
        """One control message of the level of sockets, cut to what fits (put_cmsg()). EFAULT."""
        if not self.has_header_room:
            self.told = MSG_CTRUNC
            return
        size = HEADER + u64(len(data))
        if size > self.left:
            self.told = MSG_CTRUNC
            size = self.left
        self.put_header(kind, size)
        user.copy_out(UserSlice(advance(self.address, HEADER), size - HEADER), data[0 : size - HEADER])
        self.go_on(u64(len(data)))

    @property
    def has_header_room(self) -> bool:
        """Whether a message may begin."""
        return u64(self.address) != 0 and self.left >= HEADER

    def put_header(self, kind: u32, size: u64) -> Fallible[None]:
        """The header of a message that is `size` bytes long with it."""
        header = local_array(u8, HEADER)
        store(u64, header, 0, size)
        store(i32, header, 8, SOL_SOCKET)
        store(u32, header, 12, kind)
        user.copy_out(UserSlice(self.address, HEADER), header)

    def go_on(self, size: u64) -> None:
        """A message with `size` bytes was put: the next one is aligned."""
        step = min(HEADER + align_up(size, ALIGNMENT), self.left)
        self.address = advance(self.address, step)
        self.left -= step


def put_control(task: Thread, socket: UnixSocket, envelope: Envelope, out: ControlOut) -> Fallible[None]:
    """Tell what came with a message: the time, the sender and descriptors, if they are wanted (scm_recv()). EFAULT."""
    try:
        if envelope.sent != Nanoseconds(0):
            put_time(socket, envelope, out)
        if socket.options.passes_credentials:
            put_credentials(task, envelope, out)
        if envelope.passed is not None:
            put_descriptors(task.process.files, envelope, out)
    finally:
        if envelope.passed is not None:
            rights.dispose(envelope.passed)
            rights.work_off()


def put_time(socket: UnixSocket, envelope: Envelope, out: ControlOut) -> Fallible[None]:
    """SCM_TIMESTAMP, SCM_TIMESTAMPNS: seconds, and micro- or nanoseconds."""
    option = socket.options.passes_time
    moment = u64(envelope.sent)
    data = local_array(u8, 16)
    store(u64, data, 0, moment // SECOND)
    is_fine = option == SO_TIMESTAMPNS or option == SO_TIMESTAMPNS_NEW
    store(u64, data, 8, moment % SECOND if is_fine else moment % SECOND // 1000)
    if option != 0:
        out.put(option, data)


def put_credentials(task: Thread, envelope: Envelope, out: ControlOut) -> Fallible[None]:
    """SCM_CREDENTIALS: a process of another container has no number here."""
    sender = envelope.identity
    data = local_array(u8, CREDENTIALS_SIZE)
    store(i32, data, 0, sender.pid if sender.container == task.process.container.id else 0)
    store(u32, data, 4, sender.user)
    store(u32, data, 8, sender.group)
    out.put(SCM_CREDENTIALS, data)


def put_descriptors(files: FileTable, envelope: Envelope, out: ControlOut) -> None:
    """SCM_RIGHTS: give the receiver as many of the descriptors as have room, and as it may have (scm_detach_fds())."""
    room = (out.left - HEADER) // DESCRIPTOR_SIZE if out.has_header_room else 0
    close_on_exec = envelope.has(MSG_CMSG_CLOEXEC)
    count: u64 = 0
    passed = envelope.passed
    while passed is not None and count < room:
        try:
            fd = files.install(passed.file, close_on_exec)
            with on_error(files.close_if_open, fd):
                user.put(i32, advance(out.address, HEADER + count * DESCRIPTOR_SIZE), i32(fd))
        except Errno:
            break
        count += 1
        passed = passed.next
    if passed is not None:
        out.told = MSG_CTRUNC
    if count > 0:
        try:
            out.put_header(SCM_RIGHTS, HEADER + count * DESCRIPTOR_SIZE)
        except EFAULT:
            return
        out.go_on(count * DESCRIPTOR_SIZE)
