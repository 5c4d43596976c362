"""Running a program in a container: its first process comes from the spec and from nothing else.

No process of the caller ever runs inside: the new one is built from the outside, with the descriptors that the spec
names and no others, with the root of the container, and with the ids of the spec.
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Fd,
    Pid,
    Slice,
    local,
    on_error,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import EINVAL, ENOTDIR, ENOTTY, EPERM, ESRCH
from kernel.containers.abi import ContainerStage, FdPair, ResourceLimit
from kernel.containers.container import Container
from kernel.devices.terminal_ends import SlaveEnd
from kernel.files.flags import Resolve
from kernel.files.inode import Inode
from kernel.files.path import Lookup, resolve
from kernel.files.table import DESCRIPTORS_MAX, FileTable, create_table
from kernel.process.arguments import Arguments
from kernel.process.limits import RESOURCES, Resource
from kernel.process.process import Process, make_process
from kernel.process.program import Program
from kernel.process.start import start_program


@struct
class Request:
    """A decoded RunSpec; texts and pairs are in the kernel's memory."""

    path: Slice[u8] = uninitialised()
    directory: Slice[u8] = uninitialised()
    arguments: Arguments = uninitialised()
    user: u32 = 0
    group: u32 = 0
    takes_terminal: bool = False
    pairs: Slice[FdPair] = uninitialised()
    groups: Slice[u32] = uninitialised()
    limits: Slice[ResourceLimit] = uninitialised()


def run(container: Container, request: Request, source: FileTable) -> Fallible[Process]:
    """Start a process in `container` as `request` says; all of it exists afterwards, or nothing.

    EAGAIN at the process limit; EINVAL, EPERM for its limits; ESRCH when the container is dying; what execve(2) and
    chdir(2) raise; EBADF for a descriptor that the caller does not have; ENOTTY and EPERM for a terminal that cannot be
    had; ENOMEM.
    """
    if container.is_dying:
        raise ESRCH
    process = make_process(container, None)
    with on_error(process.discard):
        process.change_owner(request.user)
        process.credentials.become(request.user, request.group)
        process.credentials.set_groups(request.groups)
        set_limits(process, request.limits)
        process.files = create_table(container.account)
        process.files.limit = process.settings.limits.soft_of(Resource.FILES)
        with on_error(process.files.drop), on_error(give_terminal_back, process):
            pass_files(process.files, request.pairs, source)
            if request.takes_terminal:
                take_terminal(process)
            lookup = local(Lookup)
            lookup.root = container.root
            lookup.directory = container.root
            lookup.credentials = process.credentials
            directory = find_directory(lookup, request.directory)
            process.paths.begin(container.root, directory)
            directory.drop()
            with on_error(process.paths.drop):
                begin(container, process, request, lookup)
    if container.init is None and process.pid == Pid(1):
        container.init = process
    if not container.group.frozen:
        container.stage = ContainerStage.RUNNING
    return process


def begin(container: Container, process: Process, request: Request, lookup: Lookup) -> Fallible[None]:
    """Load the program and start the first thread."""
    lookup.directory = process.directory
    program = local(Program)
    program.account = container.account
    program.lookup = lookup
    program.arguments = request.arguments
    start_program(process, program, request.path)


def set_limits(process: Process, wanted: Slice[ResourceLimit]) -> Fallible[None]:
    """Let the new `process` begin with these limits. EINVAL; EPERM for more descriptors than there can be."""
    limits = process.settings.limits
    for limit in wanted:
        if u64(limit.resource) >= RESOURCES or limit.reserved != 0 or limit.soft > limit.hard:
            raise EINVAL
        if limit.resource == u32(Resource.FILES) and limit.hard > DESCRIPTORS_MAX:
            raise EPERM
        limits.soft[limit.resource] = limit.soft
        limits.hard[limit.resource] = limit.hard


def pass_files(table: FileTable, pairs: Slice[FdPair], source: FileTable) -> Fallible[None]:
    """Let `table` have the descriptors of `source` that `pairs` name. EBADF, EINVAL, ENOMEM."""
    for pair in pairs:
        file = source.get(Fd(pair.source))
        table.replace(file, False, Fd(pair.target))


def take_terminal(process: Process) -> Fallible[None]:
    """Let what descriptor 0 refers to control the session of the new `process`. EBADF, ENOTTY, EPERM."""
    ops = process.files.get(Fd(0)).ops
    if not isinstance(ops, SlaveEnd):
        raise ENOTTY
    process.session.acquire(process, ops.terminal)
    ops.terminal.console_of = process.container.id


def give_terminal_back(process: Process) -> None:
    """Undo `take_terminal`: the next program that is tried gets it."""
    terminal = process.session.terminal
    if terminal is not None:
        terminal.console_of = 0
    process.session.give_back()


def find_directory(lookup: Lookup, path: Slice[u8]) -> Fallible[Inode]:
    """The working directory to begin with, held: the root without a path. ENOENT, ENOTDIR, EACCES."""
    if len(path) == 0:
        lookup.root.hold()
        return lookup.root
    directory = resolve(lookup, path, Resolve.FOLLOW)
    with on_error(directory.drop):
        if not directory.attributes().is_directory:
            raise ENOTDIR
    return directory
