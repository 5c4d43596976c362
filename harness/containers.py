"""The container calls (docs/containers.md) from Python, and waiting for a program."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from harness.agent_protocol import Buffer, RequestTooLarge, both, into, out, pointer_array, text
from harness.guest import Guest
from harness.interface import enumeration, layout, member, number
from harness.structs import pack, unpack

P_PIDFD = 3
WEXITED = 4
SIGNAL_INFO_SIZE = 128
CODE_OFFSET, STATUS_OFFSET = 8, 24
"""Of si_code and si_status in siginfo_t (sigaction(2), x86-64)."""
CLD_EXITED = 1
SIGNALLED = 128
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Limits:
    """What a container may use; 0 is no limit."""

    pages: int = 0
    processes: int = 0
    weight: int = 0
    cpu: int = 0
    """Thousandths of a processor."""


NO_LIMITS = Limits()


@dataclass(frozen=True)
class ResourceLimit:
    """One limit of a program (setrlimit(2)): the number of the resource, and both limits."""

    resource: int
    soft: int
    hard: int


@dataclass(frozen=True)
class Program:
    """What to run in a container."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = "/"
    user: int = 0
    group: int = 0
    groups: Sequence[int] = ()
    """Supplementary groups."""
    limits: Sequence[ResourceLimit] = ()
    """Where they are not those of a fresh Linux."""
    files: Mapping[int, int] = field(default_factory=dict)
    """The program's descriptors: its number, and that of the agent."""
    takes_terminal: bool = False
    """Whether its descriptor 0 is to be the controlling terminal of its session."""


@dataclass(frozen=True)
class Event:
    """What a descriptor of a container tells (docs/containers.md, "Events")."""

    kind: IntEnum
    pid: int
    status: int
    lost: int
    time: int

    @classmethod
    def decode(cls, content: bytes) -> Event:
        """One ContainerEvent."""
        fields = unpack("ContainerEvent", content)
        kind = enumeration("EventKind")(fields["kind"])
        return cls(kind, fields["pid"], fields["status"], fields["lost"], fields["time"])


POLL_INPUT = struct.pack("<hh", 1, 0)


def _bytes(value: str) -> tuple[Buffer, int]:
    content = os.fsencode(value)
    return into(content), len(content)


async def create(guest: Guest, root: str, *, name: str = "", hostname: str = "", limits: Limits = NO_LIMITS) -> int:
    """create_container: a descriptor. `root` is a directory of the agent's file system. Raises OSError."""
    root_buffer, root_length = _bytes(root)
    name_buffer, name_length = _bytes(name)
    host_buffer, host_length = _bytes(hostname)
    config = pack(
        "ContainerConfig",
        version=number("CONTAINER_VERSION"),
        root=root_buffer,
        root_length=root_length,
        name=name_buffer,
        name_length=name_length,
        hostname=host_buffer,
        hostname_length=host_length,
        page_limit=limits.pages,
        process_limit=limits.processes,
        weight=limits.weight,
        cpu_limit=limits.cpu,
    )
    return await guest.sys.create_container(_sized(config), len(config.content))


def _sized(buffer: Buffer) -> Buffer:
    """Fill in the first field, the size of the struct."""
    buffer.content = len(buffer.content).to_bytes(8, "little") + buffer.content[8:]
    return buffer


def run_spec(path: str, program: Program) -> Buffer:
    """A RunSpec with everything it points to."""
    path_buffer, path_length = _bytes(path)
    directory_buffer, directory_length = _bytes(program.directory)
    environment = [text(f"{name}={value}") for name, value in program.environment.items()]
    pairs = b"".join(pack("FdPair", source=source, target=target).content for target, source in program.files.items())
    limits = [pack("ResourceLimit", resource=one.resource, soft=one.soft, hard=one.hard) for one in program.limits]
    return _sized(
        pack(
            "RunSpec",
            version=number("CONTAINER_VERSION"),
            flags=member("RunFlags", "TERMINAL") if program.takes_terminal else 0,
            path=path_buffer,
            path_length=path_length,
            argv=pointer_array([text(argument) for argument in program.arguments]),
            argv_count=len(program.arguments),
            envp=pointer_array(environment),
            envp_count=len(environment),
            cwd=directory_buffer,
            cwd_length=directory_length,
            uid=program.user,
            gid=program.group,
            fds=into(pairs),
            fds_count=len(program.files),
            groups=into(struct.pack(f"<{len(program.groups)}I", *program.groups)),
            groups_count=len(program.groups),
            limits=into(b"".join(limit.content for limit in limits)),
            limits_count=len(limits),
        )
    )


async def run(guest: Guest, container: int, program: Program) -> int:
    """run_in_container: a pidfd. A command without a slash is looked for as execvp(3) does. Raises OSError."""
    command = program.arguments[0]
    if not command:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    paths = [command]
    if "/" not in command:
        folders = program.environment.get("PATH", DEFAULT_PATH).split(":")
        paths = [f"{folder or '.'}/{command}" for folder in folders]
    refusal: OSError = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    for path in paths:
        spec = run_spec(path, program)
        try:
            return await guest.sys.run_in_container(container, spec, len(spec.content))
        except (FileNotFoundError, NotADirectoryError) as error:
            if len(paths) == 1:
                raise
            refusal = error
        except PermissionError as error:
            refusal = error
            if len(paths) == 1:
                raise
        except RequestTooLarge:
            raise OSError(errno.E2BIG, os.strerror(errno.E2BIG)) from None
    raise refusal


async def wait(guest: Guest, pidfd: int) -> int:
    """Wait for a program; its exit status, or 128 + the signal that killed it."""
    info = out(SIGNAL_INFO_SIZE)
    await guest.sys.waitid(P_PIDFD, pidfd, info, WEXITED, None)
    code, status = (struct.unpack_from("<i", info.content, place)[0] for place in (CODE_OFFSET, STATUS_OFFSET))
    return int(status) if code == CLD_EXITED else SIGNALLED + int(status)


async def query(guest: Guest, container: int) -> dict[str, int]:
    """query_container: the fields of ContainerState by name."""
    size = layout("ContainerState").size
    state = out(size)
    await guest.sys.query_container(container, state, size)
    return unpack("ContainerState", state.content)


async def open_root(guest: Guest, container: int) -> int:
    """A descriptor of the root directory of a container. Raises OSError."""
    return await guest.sys.control_container(container, member("ControlOperation", "OPEN_ROOT"), 0)


async def events(guest: Guest, container: int) -> list[Event]:
    """The events that a descriptor of a container has to tell now, at most 32."""
    if await guest.sys.poll(both(struct.pack("<i", container) + POLL_INPUT), 1, 0) == 0:
        return []
    size = layout("ContainerEvent").size
    place = out(32 * size)
    done = await guest.sys.read(container, place, len(place.content))
    return [Event.decode(place.content[start : start + size]) for start in range(0, done, size)]


async def destroy(guest: Guest, container: int) -> dict[str, int]:
    """destroy_container; the state afterwards tells what was given back."""
    await guest.sys.destroy_container(container)
    return await query(guest, container)
