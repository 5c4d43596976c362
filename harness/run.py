"""The main job: boot a machine, run one program in a container of it, and end as the program did."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from codegen.progress import StageLine
from harness import containers, interface
from harness.build import IMAGE_ROOT, disk_image, ensure_init, ensure_kernel, write_archive
from harness.containers import Limits, Program
from harness.engine.guest_files import GuestFiles
from harness.engine.programs import complete, start_program
from harness.engine.volumes import Volume, copy_back
from harness.errors import HarnessError
from harness.guest import Guest
from harness.images.graft import Graft
from harness.machine import Machine
from harness.messages import NOT_EXECUTABLE, NOT_FOUND, OWN_FAILURE, say
from harness.relay import SIGNALLED, Relay
from harness.running import RunningMachine
from harness.streams import HostInput, Sink, Streams
from harness.terminal import for_terminal, make_terminal, raw, window_of

if TYPE_CHECKING:
    from harness.strace.tracing import Trace

CANNOT_START = frozenset({errno.EACCES, errno.ENOEXEC, errno.EISDIR, errno.ELOOP, errno.ENOTDIR})
IMAGE_NAME = "root"
INIT = "/sbin/pithos-init"
"""Where --init has its program in the container."""


@dataclass(frozen=True)
class Job:
    """What `pithos run` was asked to do."""

    rootfs: Path
    program: Program
    machine: Machine
    limits: Limits = field(default_factory=Limits)
    name: str = ""
    hostname: str = ""
    is_verbose: bool = False
    from_disk: bool = False
    reads_input: bool = True
    has_terminal: bool = False
    """-t: the program gets a terminal."""
    has_init: bool = False
    """--init: the program is a child of process 1, which passes signals on and reaps."""
    is_read_only: bool = False
    """--read-only: the root, but for what was put into it."""
    user: str = "0"
    """USER[:GROUP], by names or numbers of the container."""
    groups: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that were asked for; those that every program has are in `program`."""
    volumes: Sequence[Volume] = ()
    trace: Callable[[], AbstractContextManager[Trace]] | None = None
    """--strace: opens what the system calls are told to."""
    grafts: Sequence[Graft] = ()
    """What is put into the root file system: the volumes, and empty directories."""


def write_all(descriptor: int) -> Sink:
    """Passes output on to a descriptor of the host."""

    def write(content: bytes) -> None:
        while content:
            content = content[os.write(descriptor, content) :]

    return write


def write_log(descriptor: int) -> Sink:
    """`write_all` for the kernel's log, which may come while our terminal is raw."""
    write = write_all(descriptor)
    return lambda content: write(for_terminal(descriptor, content))


def prepare(job: Job, stack: ExitStack, progress: Callable[[str, int, int], None] | None = None) -> Job:
    """Build what the machine is started from; a disk image lasts as long as `stack`. Raises HarnessError."""
    kernel = ensure_kernel(progress)
    check_limits(job.limits)
    files = {f"{IMAGE_ROOT}/{IMAGE_NAME}{INIT}": ensure_init(progress)} if job.has_init else {}
    grafts = {IMAGE_NAME: job.grafts}
    archive = write_archive({IMAGE_NAME: job.rootfs}, say, files, job.machine.memory, grafts)
    machine = replace(job.machine, kernel=kernel, archive=archive)
    if job.from_disk:
        disk = stack.enter_context(disk_image(kernel, archive, machine.words))
        machine = replace(machine, disk=disk)
    return replace(job, machine=machine)


def check_limits(limits: Limits) -> None:
    """HarnessError for a limit that no container has, before a machine is booted for it."""
    most = interface.number("HIGHEST_BANDWIDTH")
    if limits.cpu > most:
        raise HarnessError(f"--cpus: a container has at most {most // 1000} processors")


async def run(job: Job, relay: Relay) -> int:
    """Do a prepared job; returns the exit status. `relay` passes signals on to the program meanwhile.

    Raises HarnessError for failures of our own.
    """
    running = await job.machine.start()
    try:
        if job.is_verbose:
            running.console.listen(write_log(sys.stderr.fileno()))
        await running.guest.wait_ready()
        return await _run_in(running, job, relay)
    finally:
        await running.quit()


async def _run_in(machine: RunningMachine, job: Job, relay: Relay) -> int:
    """Create, run, stream, destroy."""
    guest = machine.guest
    try:
        container = await containers.create(
            guest, f"/{IMAGE_ROOT}/{IMAGE_NAME}", name=job.name, hostname=job.hostname, limits=job.limits
        )
    except OSError as error:
        raise HarnessError(f"no container: {error.strerror}{_hint(error)}") from None
    if job.is_read_only:
        await GuestFiles(guest, container).make_read_only([graft.place for graft in job.grafts])
    job = replace(job, program=await _program(guest, container, job))
    with job.trace() if job.trace is not None else nullcontext() as trace:
        traced = None if trace is None else Traced(await trace.begin(guest, container), trace)
        status = await (_run_in_terminal if job.has_terminal else _run_program)(guest, container, job, relay, traced)
        if trace is not None:
            trace.finish()
    if job.is_verbose:
        await _report(guest, container)
    return status


async def _program(guest: Guest, container: int, job: Job) -> Program:
    """What is run, as whom and with which variables: what docker sets, then what was asked for."""
    program = await complete(
        guest,
        container,
        job.program,
        user=job.user,
        groups=job.groups,
        hostname=job.hostname,
        environment=job.environment,
    )
    return replace(program, arguments=(INIT, *program.arguments)) if job.has_init else program


def _hint(error: OSError) -> str:
    if error.errno == errno.ENAMETOOLONG:
        return ": choose a shorter --name or --hostname"
    if error.errno == errno.ENOMEM:
        return ": give the machine more with --ram, or the container with --memory"
    return ""


@dataclass(frozen=True)
class Traced:
    """The descriptor of a trace, and who takes what is read from it."""

    descriptor: int
    trace: Trace


async def _run_program(guest: Guest, container: int, job: Job, relay: Relay, traced: Traced | None) -> int:
    """Run the program with its files connected to ours; destroys the container."""
    source = HostInput(sys.stdin.fileno()) if job.reads_input else None
    try:
        started = await start_program(guest, container, job.program, source, write_all(1), write_all(2))
    except OSError as error:
        return await _refused(guest, container, job, error)
    if traced is not None:
        started.streams.add_output(traced.descriptor, traced.trace.feed)
    return await _stream_to_end(guest, container, started.pidfd, started.streams, relay, job)


async def _run_in_terminal(guest: Guest, container: int, job: Job, relay: Relay, traced: Traced | None) -> int:
    """Run the program in a terminal of its own, shown on our output; destroys the container."""
    terminal = await make_terminal(guest)
    await terminal.resize(window_of(0, 1))
    slave = await terminal.open_slave()
    await guest.sys.fchown(slave, job.program.user, job.program.group)
    program = replace(job.program, files=dict.fromkeys(range(3), slave), takes_terminal=True)
    try:
        pidfd = await containers.run(guest, container, program)
    except OSError as error:
        return await _refused(guest, container, job, error)
    await guest.sys.close(slave)
    with ExitStack() as stack:
        if job.reads_input:
            stack.enter_context(raw(0))
        source = HostInput(0) if job.reads_input else None
        streams = Streams(guest, pidfd, source, terminal.keyboard)
        streams.add_output(terminal.screen, write_all(1))
        if traced is not None:
            streams.add_output(traced.descriptor, traced.trace.feed)
        relay.on_resize(lambda: streams.run_soon(lambda: terminal.resize(window_of(0, 1))))
        return await _stream_to_end(guest, container, pidfd, streams, relay, job)


async def _stream_to_end(guest: Guest, container: int, pidfd: int, streams: Streams, relay: Relay, job: Job) -> int:
    """Stream until the program has ended, copy volumes back, destroy the container, pass on the rest of the output."""

    async def signalled(number: int) -> None:
        with suppress(ProcessLookupError):
            await guest.sys.pidfd_send_signal(pidfd, number, None, 0)

    relay.attach(lambda number: streams.run_soon(lambda: signalled(number)))
    await streams.until_ended()
    relay.detach()
    status = await containers.wait(guest, pidfd)
    failure: HarnessError | None = None
    if job.volumes:
        await guest.sys.control_container(container, interface.member("ControlOperation", "KILL"), 0)
        try:
            await copy_back(GuestFiles(guest, container), job.volumes, job.grafts, say)
        except HarnessError as error:
            failure = error
    await guest.sys.destroy_container(container)
    await streams.drain()
    if failure is not None:
        raise failure
    return status


async def _check_directory(guest: Guest, container: int, program: Program) -> None:
    """Raise HarnessError if it is the working directory that is missing: the kernel looks for it first.

    `/` is no program, whoever runs it: EACCES says that the working directory was found (execve(2)).
    """
    try:
        await containers.run(guest, container, Program(("/",), directory=program.directory))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise HarnessError(f"--workdir {program.directory}: {error.strerror}") from None
    except OSError:
        return


async def _refused(guest: Guest, container: int, job: Job, error: OSError) -> int:
    """The program did not start: say why, as a shell does."""
    arguments = job.program.arguments
    await _check_directory(guest, container, job.program)
    await guest.sys.destroy_container(container)
    if error.errno in (errno.EINVAL, errno.EPERM) and job.program.limits:
        raise HarnessError(f"--ulimit: {error.strerror}: one of the limits is more than there can be")
    if error.errno == errno.ENOMEM:
        raise HarnessError(f"{arguments[0]}: {error.strerror}{_hint(error)}")
    say(f"{arguments[0]}: {error.strerror}")
    if error.errno == errno.ENOENT:
        return NOT_FOUND
    return NOT_EXECUTABLE if error.errno in CANNOT_START else OWN_FAILURE


async def _report(guest: Guest, container: int) -> None:
    """Tell what destroying the container gave back, and that nothing is left."""
    state = await containers.query(guest, container)
    left = state["pages_used"] + state["processes_used"] + state["open_files"]
    say(
        f"container {state['id']} gave back {state['reclaimed_pages']} pages, "
        f"{state['reclaimed_objects']} objects, {state['reclaimed_processes']} processes; "
        f"{left or 'nothing'} is left"
    )


def run_to_end(job: Job) -> int:
    """Prepare a job and run it; signals to us are for the program (relay.py)."""
    with ExitStack() as stack:
        with StageLine("building") as line:
            job = prepare(job, stack, line.report)
        return asyncio.run(_supervised(job))


async def _supervised(job: Job) -> int:
    relay = Relay()
    try:
        return await relay.supervise(run(job, relay))
    except BrokenPipeError:
        return SIGNALLED + signal.SIGPIPE
