"""The container calls (docs/containers.md): create, run in, destroy, control, query, update, open."""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Fd,
    MutableSlice,
    UserAddr,
    UserSlice,
    address_of,
    deferred,
    invert,
    local,
    local_array,
    on_error,
    size_of,
    slice_at,
    u8,
    u32,
    u64,
)
from kernel.base.errno import E2BIG, EBADF, EDEADLK, EINVAL, ENAMETOOLONG, ESRCH
from kernel.containers.abi import (
    ARGUMENTS_MAX,
    CONFIG_SIZE_FIRST,
    FILES_MAX,
    HOSTNAME_MAX,
    LIMITS_MAX,
    NAME_MAX,
    RUN_FLAG_BITS,
    RUN_SIZE_FIRST,
    TRACE_ARGUMENTS,
    TRACE_CALLS_MAX,
    TRACE_CAPACITY_LEAST,
    TRACE_CAPACITY_MOST,
    VERSION,
    ContainerConfig,
    ContainerState,
    ControlOperation,
    FdPair,
    ResourceLimit,
    RunFlags,
    RunSpec,
)
from kernel.containers.container import Container, create_child
from kernel.containers.destroy import Reclaimed, destroy, tear_down
from kernel.containers.handle import ContainerHandle, handle_of
from kernel.containers.handle import open_container as open_handle
from kernel.containers.run import Request, run
from kernel.containers.trace import open_trace
from kernel.files.attributes import Access
from kernel.files.credentials import GROUPS_MAX
from kernel.files.flags import PATH_MAX, OpenFlags, Resolve
from kernel.files.inode import Inode
from kernel.files.path import Lookup, resolve
from kernel.files.table import DESCRIPTORS_MAX
from kernel.memory import user
from kernel.process.arguments import Arguments
from kernel.process.ending import kill_process
from kernel.process.pidfd import open_process
from kernel.process.process import Process
from kernel.process.send import send_to_process
from kernel.process.signal_table import SIGNALS, Signal
from kernel.sched.bandwidth import HIGHEST_BANDWIDTH
from kernel.sched.control import set_shares
from kernel.sched.group import HIGHEST_WEIGHT
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_open import open_ops
from kernel.syscalls.files_support import begin_lookup, drop_start, hold_start

LARGEST_STRUCT: u64 = 4096
"""No struct that a call takes is larger than a page."""
SMALLEST_ANSWER: u64 = 8
"""The id alone."""


@syscall(1000)
def create_container(task: Thread, config: UserAddr, size: u64) -> Fallible[Fd]:
    """Create a container inside the caller's; returns a descriptor for it. All of it exists afterwards, or none.

    EINVAL, E2BIG, EFAULT for a bad config; ENAMETOOLONG; ENOENT, ENOTDIR, EACCES for its root; ENOMEM, EMFILE.
    """
    request = local(ContainerConfig)
    take_struct(slice_at(u8, address_of(request), size_of(ContainerConfig)), config, size, CONFIG_SIZE_FIRST)
    if request.size != size or request.version != VERSION or request.flags != 0:
        raise EINVAL
    if request.weight > HIGHEST_WEIGHT or request.cpu_limit > HIGHEST_BANDWIDTH:
        raise EINVAL
    name = local_array(u8, NAME_MAX)
    take_text(name, request.name, request.name_length)
    hostname = local_array(u8, HOSTNAME_MAX)
    take_text(hostname, request.hostname, request.hostname_length)
    root = find_root(task, request)
    with deferred(root.drop):
        container = create_child(task.process.container, name[0 : request.name_length], root)
    with on_error(tear_down, container, local(Reclaimed)):
        if request.hostname_length > 0:
            container.set_hostname(hostname[0 : request.hostname_length])
        container.account.set_limits(request.page_limit, request.process_limit)
        set_shares(container.group, request.weight, request.cpu_limit)
        file = open_handle(task.process.container.files, container)
        with deferred(file.drop):
            return task.process.files.install(file, True)


def find_root(task: Thread, request: ContainerConfig) -> Fallible[Inode]:
    """The directory that the config names as the read-only layer, held."""
    length = request.root_length
    if length == 0 or length >= PATH_MAX:
        raise EINVAL if length == 0 else ENAMETOOLONG
    lookup = local(Lookup)
    heap = task.process.container.account.heap
    path = heap.allocate_bytes(length)
    with deferred(heap.free_bytes, path):
        user.copy_in(path, UserSlice(request.root, length))
        begin_lookup(task, lookup)
        hold_start(lookup)
        with deferred(drop_start, lookup):
            root = resolve(lookup, path, Resolve.FOLLOW | Resolve.DIRECTORY)
    with on_error(root.drop):
        root.attributes().check(lookup.credentials, Access.READ | Access.EXECUTE)
    return root


def take_struct(destination: MutableSlice[u8], source: UserAddr, size: u64, first: u64) -> Fallible[None]:
    """Copy a struct of `size` bytes that is known here as `destination`, by the rules of clone3(2) and openat2(2).

    A program that knows less passes less; what it leaves out is zero. EINVAL when that is less than the `first`
    bytes that were published at first; E2BIG when what is beyond the known ones is not zero.
    """
    known = u64(len(destination))
    if size < first:
        raise EINVAL
    if size > LARGEST_STRUCT:
        raise E2BIG
    given = min(size, known)
    user.copy_in(destination[0:given], UserSlice(source, given))
    position = known
    while position < size:
        if user.get(u8, UserAddr(source + position)) != 0:
            raise E2BIG
        position += 1


def take_text(destination: MutableSlice[u8], source: UserAddr, length: u64) -> Fallible[None]:
    """Copy a text that is not NUL-terminated. ENAMETOOLONG when it is longer than `destination`."""
    if length > u64(len(destination)):
        raise ENAMETOOLONG
    user.copy_in(destination[0:length], UserSlice(source, length))


@syscall(1001)
def run_in_container(task: Thread, fd: Fd, spec: UserAddr, size: u64) -> Fallible[Fd]:
    """Start a program in a container; returns a pidfd, with which waitid(2) gets its status.

    EINVAL, E2BIG, EFAULT for a bad spec; EBADF; ESRCH; EAGAIN at a limit; what execve(2) and chdir(2) raise; ENOMEM.
    """
    wanted = local(RunSpec)
    take_struct(slice_at(u8, address_of(wanted), size_of(RunSpec)), spec, size, RUN_SIZE_FIRST)
    if wanted.size != size or wanted.version != VERSION or wanted.flags & RUN_FLAG_BITS != wanted.flags:
        raise EINVAL
    if wanted.argv_count > ARGUMENTS_MAX or wanted.envp_count > ARGUMENTS_MAX:
        raise E2BIG
    if wanted.fds_count > FILES_MAX or wanted.groups_count > GROUPS_MAX or wanted.limits_count > LIMITS_MAX:
        raise EINVAL
    request = local(Request)
    request.user = wanted.uid
    request.group = wanted.gid
    request.takes_terminal = wanted.flags & u32(RunFlags.TERMINAL) != 0
    arguments = local(Arguments)
    opened = task.process.files.pin(fd)
    with deferred(opened.drop):
        handle = handle_of(opened)
        handle.get()
        arguments.prepare(task.process.container.account.heap)
        with deferred(arguments.release):
            arguments.take(wanted.argv, wanted.argv_count, wanted.envp, wanted.envp_count)
            request.arguments = arguments
            process = run_with_texts(task, handle, wanted, request)
    with on_error(kill_process, process, u32(Signal.KILL)):
        file = open_process(task.process.container.files, process, True)
        with deferred(file.drop):
            return task.process.files.install(file, True)


def run_with_texts(task: Thread, handle: ContainerHandle, wanted: RunSpec, request: Request) -> Fallible[Process]:
    """Copy the path, the directory, descriptors, limits and groups of the spec, and run it.

    The container may be destroyed while that is copied: so the handle is asked for it afterwards.
    """
    heap = task.process.container.account.heap
    if wanted.path_length == 0:
        raise EINVAL
    if wanted.path_length >= PATH_MAX or wanted.cwd_length >= PATH_MAX:
        raise ENAMETOOLONG
    limits_size = wanted.limits_count * size_of(ResourceLimit)
    pairs_end = limits_size + wanted.fds_count * size_of(FdPair)
    groups_end = pairs_end + wanted.groups_count * size_of(u32)
    path_end = groups_end + wanted.path_length
    texts = heap.allocate_bytes(path_end + wanted.cwd_length)
    with deferred(heap.free_bytes, texts):
        user.copy_in(texts[0:limits_size], UserSlice(wanted.limits, limits_size))
        user.copy_in(texts[limits_size:pairs_end], UserSlice(wanted.fds, pairs_end - limits_size))
        user.copy_in(texts[pairs_end:groups_end], UserSlice(wanted.groups, groups_end - pairs_end))
        path = texts[groups_end:path_end]
        user.copy_in(path, UserSlice(wanted.path, wanted.path_length))
        directory = texts[path_end : len(texts)]
        user.copy_in(directory, UserSlice(wanted.cwd, wanted.cwd_length))
        request.path = path
        request.directory = directory
        request.limits = slice_at(ResourceLimit, address_of(texts), wanted.limits_count)
        request.pairs = slice_at(FdPair, address_of(texts) + limits_size, wanted.fds_count)
        request.groups = slice_at(u32, address_of(texts) + pairs_end, wanted.groups_count)
        return run(handle.get(), request, task.process.files)


@syscall(1002)
def destroy_container(task: Thread, fd: Fd) -> Fallible[None]:
    """Destroy a container with all in it; when it returns, everything is given back (query_container tells how much).

    EBADF; ESRCH when it is gone already; EBUSY while another thread destroys it; EDEADLK from inside of it.
    """
    file = task.process.files.pin(fd)
    with deferred(file.drop):
        destroy(handle_of(file).get(), local(Reclaimed))


@syscall(1003)
def control_container(task: Thread, fd: Fd, operation: u32, argument: u64) -> Fallible[u64]:
    """Freeze, thaw, kill or signal all of a container: 0. Or open its root: a descriptor, ENOMEM, EMFILE.

    EINVAL for an unknown operation or signal; EBADF, ESRCH. Freezing and thawing are for all containers inside, too;
    nobody freezes itself (EDEADLK).
    """
    container = handle_of(task.process.files.get(fd)).get()
    if operation == u32(ControlOperation.FREEZE) or operation == u32(ControlOperation.THAW):
        if container.contains(task.process.container):
            raise EDEADLK
        level: Container | None = container
        while level is not None:
            level.set_frozen(operation == u32(ControlOperation.FREEZE))
            level = level.following(container)
    elif operation == u32(ControlOperation.KILL):
        for process in container.processes:
            kill_process(process, u32(Signal.KILL))
    elif operation == u32(ControlOperation.SIGNAL):
        if argument == 0 or argument > SIGNALS:
            raise EINVAL
        for process in container.processes:
            if argument == u32(Signal.KILL):
                kill_process(process, u32(Signal.KILL))
            else:
                send_to_process(process, u32(argument))
    elif operation == u32(ControlOperation.LEAVE_WRITABLE):
        leave_writable(task, container, argument)
    elif operation == u32(ControlOperation.MAKE_READ_ONLY):
        container.file_system.is_read_only = True
    elif operation == u32(ControlOperation.OPEN_ROOT):
        return u64(open_root(task, container))
    else:
        raise EINVAL
    return 0


def leave_writable(task: Thread, container: Container, descriptor: u64) -> Fallible[None]:
    """Let a file of `container` that the caller has open stay writable. EBADF; EINVAL for one of elsewhere."""
    if descriptor >= DESCRIPTORS_MAX:
        raise EBADF
    inode = task.process.files.get(Fd(descriptor)).inode
    if inode is None or inode.fs is not container.file_system:
        raise EINVAL
    inode.is_left_writable = True


def open_root(task: Thread, container: Container) -> Fallible[Fd]:
    """A descriptor of the root directory of `container`, charged to the caller's. EMFILE, ENOMEM."""
    file = open_ops(task.process.container.files, container.root, container.root, OpenFlags.DIRECTORY)
    with deferred(file.drop):
        return task.process.files.install(file, True)


@syscall(1004)
def query_container(task: Thread, fd: Fd, out: UserAddr, size: u64) -> Fallible[None]:
    """Fill a ContainerState: usage, peaks, limits, stage; of a destroyed container what it gave back. EINVAL, EFAULT.

    At most `size` bytes are filled in; what is beyond this kernel's struct stays as it is.
    """
    handle = handle_of(task.process.files.get(fd))
    if size < SMALLEST_ANSWER:
        raise EINVAL
    state = local(ContainerState)
    handle.fill_state(state)
    length = min(size, size_of(ContainerState))
    user.copy_out(UserSlice(out, length), slice_at(u8, address_of(state), length))


@syscall(1005)
def update_container(task: Thread, fd: Fd, pages: u64, processes: u64, weight: u64, cpu_limit: u64) -> Fallible[None]:
    """Change the limits (0: none) and the weight (0: as it is) of a live container. EINVAL, EBADF, ESRCH."""
    container = handle_of(task.process.files.get(fd)).get()
    if weight > HIGHEST_WEIGHT or cpu_limit > HIGHEST_BANDWIDTH:
        raise EINVAL
    container.account.set_limits(pages, processes)
    set_shares(container.group, weight, cpu_limit)


@syscall(1007)
def trace_container(task: Thread, fd: Fd, table: UserAddr, calls: u64, capacity: u64) -> Fallible[Fd]:
    """Tell of every system call, signal and end in a container; returns a descriptor that TraceRecords are read from.

    `table` has six words for each of the first `calls` calls (PieceKind), and `capacity` is how many bytes of records
    are kept. EBUSY while it is traced; EDEADLK from inside of it; EINVAL, EFAULT; EBADF, ESRCH; EMFILE, ENOMEM.
    """
    if calls > TRACE_CALLS_MAX or not TRACE_CAPACITY_LEAST <= capacity <= TRACE_CAPACITY_MOST:
        raise EINVAL
    opened = task.process.files.pin(fd)
    with deferred(opened.drop):
        container = handle_of(opened).get()
        if container.contains(task.process.container):
            raise EDEADLK
        words = UserSlice(table, calls * TRACE_ARGUMENTS * size_of(u32))
        file = open_trace(task.process.container.files, handle_of(opened), words, capacity & invert(u64, 7))
        with deferred(file.drop):
            return task.process.files.install(file, True)


@syscall(1006)
def open_container(task: Thread, id: u64) -> Fallible[Fd]:
    """Open the container with a number, if it is inside the caller's. ESRCH; EMFILE, ENOMEM."""
    top = task.process.container
    level = top.following(top)
    while level is not None:
        if level.id == id:
            file = open_handle(task.process.container.files, level)
            with deferred(file.drop):
                return task.process.files.install(file, True)
        level = level.following(top)
    raise ESRCH
