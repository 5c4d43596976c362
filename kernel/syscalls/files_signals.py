"""fcntl(2) as far as it is about signals of open files: their receiver (F_SETOWN), O_ASYNC, leases, F_NOTIFY."""

from __future__ import annotations

from codegen.lang import Fallible, Fd, Pid, UserAddr, deferred, i32, invert, truncate, u32, u64
from kernel.base.errno import EACCES, EINVAL, ENOTDIR, ENOTTY, ESRCH
from kernel.devices.terminal_ends import SlaveEnd
from kernel.files.capability import Capability
from kernel.files.file import OpenFile
from kernel.files.flags import OpenFlags
from kernel.files.lease import LeaseKind, give_up, kind_of, set_lease
from kernel.files.notice import ALL_NOTICES, NoticeFlags, ask, take_back
from kernel.memory import user
from kernel.process.file_signals import FileSignals, ReceiverKind, route_of
from kernel.process.session import Session
from kernel.process.signal_table import SIGNALS
from kernel.sched.thread import Thread
from kernel.syscalls.files_support import advance

F_SETOWN = 8
F_GETOWN = 9
F_SETSIG = 10
F_GETSIG = 11
F_SETOWN_EX = 15
F_GETOWN_EX = 16
F_SETLEASE = 1024
F_GETLEASE = 1025
F_NOTIFY = 1026
"""The commands (asm-generic/fcntl.h, linux/fcntl.h)."""

FIOSETOWN: u32 = 0x8901
SIOCSPGRP: u32 = 0x8902
FIOGETOWN: u32 = 0x8903
SIOCGPGRP: u32 = 0x8904
"""The requests by which sockets know the same (asm-generic/sockios.h)."""

LOWEST: i32 = -(1 << 31)


def is_about_signals(command: u32) -> bool:
    """Whether `control` does this command of fcntl(2)."""
    return F_SETOWN <= command <= F_GETSIG or F_SETOWN_EX <= command <= F_GETOWN_EX or F_SETLEASE <= command <= F_NOTIFY


def control(task: Thread, fd: Fd, command: u32, argument: u64) -> Fallible[u64]:
    """One of the commands on `fd`."""
    file = task.process.files.pin(fd)
    with deferred(file.drop):
        if command == F_SETOWN:
            set_owner(task, file, truncate(i32, argument))
        elif command == F_GETOWN:
            return truncate(u64, owner_of(task, file))
        elif command == F_SETSIG:
            if argument > u64(SIGNALS):
                raise EINVAL
            route_of(file).signal = u32(argument)
        elif command == F_GETSIG:
            route = known_route(file)
            return 0 if route is None else u64(route.signal)
        elif command == F_SETOWN_EX:
            take_owner(task, file, UserAddr(argument))
        elif command == F_GETOWN_EX:
            put_owner(task, file, UserAddr(argument))
        elif command == F_SETLEASE:
            change_lease(task, file, fd, truncate(u32, argument))
        elif command == F_GETLEASE:
            return u64(lease_kind(file))
        else:
            notify_of(task, file, fd, truncate(u32, argument))
    return 0


# The receiver.


def known_route(file: OpenFile) -> FileSignals | None:
    """The receiver and signal of an open file, if anything was said of them."""
    route = file.route
    return route if route is not None and isinstance(route, FileSignals) else None


def set_owner(task: Thread, file: OpenFile, number: i32) -> Fallible[None]:
    """F_SETOWN: a process, or as a negative number a group. ESRCH."""
    if number == LOWEST:
        raise EINVAL
    kind = ReceiverKind.PROCESS if number >= 0 else ReceiverKind.GROUP
    name_receiver(task, file, kind, Pid(abs_of(number)))


def abs_of(number: i32) -> u64:
    """The number without its sign."""
    return u64(number) if number >= 0 else u64(-number)


def name_receiver(task: Thread, file: OpenFile, kind: ReceiverKind, number: Pid) -> Fallible[None]:
    """Let what has a number be told; 0: nobody. ESRCH unless something has it."""
    container = task.process.container
    if number != Pid(0) and not container.numbers.is_used(number):
        raise ESRCH
    route_of(file).name_receiver(container.numbers, kind, number, task.process.credentials)


def name_caller(task: Thread, file: OpenFile) -> Fallible[FileSignals]:
    """Let the process of `task` be told, unless something else is."""
    route = route_of(file)
    if route.number == Pid(0):
        process = task.process
        route.name_receiver(process.container.numbers, ReceiverKind.PROCESS, process.pid, process.credentials)
    return route


def owner_of(task: Thread, file: OpenFile) -> i32:
    """F_GETOWN: 0 if that is nobody whom the caller could name."""
    route = known_route(file)
    if route is None or route.numbers is not task.process.container.numbers or not route.exists:
        return 0
    number = i32(route.number)
    return -number if route.kind == ReceiverKind.GROUP else number


def take_owner(task: Thread, file: OpenFile, argument: UserAddr) -> Fallible[None]:
    """F_SETOWN_EX. EFAULT, EINVAL, ESRCH."""
    kind = user.get(i32, argument)
    number = user.get(i32, advance(argument, 4))
    if not 0 <= kind <= 2:
        raise EINVAL
    if number < 0:
        raise ESRCH
    name_receiver(task, file, ReceiverKind(kind), Pid(u64(number)))


def put_owner(task: Thread, file: OpenFile, argument: UserAddr) -> Fallible[None]:
    """F_GETOWN_EX. EFAULT."""
    route = known_route(file)
    kind = ReceiverKind.THREAD if route is None else route.kind
    number = owner_of(task, file)
    user.put(u32, argument, u32(kind))
    user.put(i32, advance(argument, 4), -number if number < 0 else number)


# O_ASYNC.


def set_asynchronous(task: Thread, file: OpenFile, fd: Fd, enabled: bool) -> Fallible[bool]:
    """Set or clear O_ASYNC: the receiver is told when the file is ready. Whether the file can tell. ENOMEM."""
    signalled = file.ops.signalled()
    if signalled is None:
        return False
    if enabled == (OpenFlags.ASYNC in file.flags):
        return True
    if enabled:
        route = route_of(file)
        route.fd = u32(fd)
        name_foreground(task, file, route)
        if file.signalled_by is None:
            signalled.add(file)
        file.flags = file.flags | OpenFlags.ASYNC
    else:
        if file.signalled_by is not None:
            signalled.remove(file)
        file.flags = OpenFlags(u32(file.flags) & invert(u32, u32(OpenFlags.ASYNC)))
    return True


def name_foreground(task: Thread, file: OpenFile, route: FileSignals) -> Fallible[None]:
    """A terminal tells the group in its foreground, or who sets O_ASYNC, unless somebody was named (tty_fasync())."""
    ops = file.ops
    if not isinstance(ops, SlaveEnd) or route.number != Pid(0):
        return
    process = task.process
    session = ops.terminal.session
    if session is not None and isinstance(session, Session) and session.leader.container is process.container:
        route.name_receiver(process.container.numbers, ReceiverKind.GROUP, session.foreground, process.credentials)
    else:
        name_caller(task, file)


def control_asynchronous(task: Thread, file: OpenFile, fd: Fd, argument: UserAddr) -> Fallible[None]:
    """FIOASYNC of ioctl(2). ENOTTY for files that cannot tell, EFAULT."""
    if not set_asynchronous(task, file, fd, user.get(u32, argument) != 0):
        raise ENOTTY


def control_receiver(task: Thread, file: OpenFile, request: u32, argument: UserAddr) -> Fallible[None]:
    """FIOSETOWN and FIOGETOWN of sockets."""
    if request == FIOSETOWN or request == SIOCSPGRP:
        set_owner(task, file, user.get(i32, argument))
    else:
        user.put(i32, argument, owner_of(task, file))


# Leases and notices.


def change_lease(task: Thread, file: OpenFile, fd: Fd, wanted: u32) -> Fallible[None]:
    """F_SETLEASE: EINVAL for what is no regular file, EACCES for others than the owner without CAP_LEASE, EAGAIN."""
    if wanted > u32(LeaseKind.NONE):
        raise EINVAL
    inode = file.inode
    if inode is None or inode.content is None:
        raise EINVAL
    if wanted == u32(LeaseKind.NONE):
        give_up(file, inode)
        return
    who = task.process.credentials
    if who.user != inode.described.user and not who.has(Capability.LEASE):
        raise EACCES
    route_of(file)
    set_lease(file, inode, u32(fd), LeaseKind(wanted))
    name_caller(task, file)


def lease_kind(file: OpenFile) -> LeaseKind:
    """F_GETLEASE."""
    inode = file.inode
    return LeaseKind.NONE if inode is None else kind_of(file, inode)


def notify_of(task: Thread, file: OpenFile, fd: Fd, raw: u32) -> Fallible[None]:
    """F_NOTIFY. ENOTDIR, ENOMEM."""
    inode = file.inode
    table = task.process.files
    if raw & invert(u32, u32(NoticeFlags.MANY_TIMES)) == 0:
        if inode is not None:
            take_back(inode, file, table)
        return
    if inode is None or not inode.described.is_directory:
        raise ENOTDIR
    name_caller(task, file)
    ask(inode, file, table, u32(fd), NoticeFlags(raw & (ALL_NOTICES | u32(NoticeFlags.MANY_TIMES))))
