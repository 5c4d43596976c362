"""Starting a program in a container with its standard files connected to the host."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness import containers
from harness.containers import DEFAULT_PATH, Program
from harness.engine.guest_files import GuestFiles
from harness.engine.users import find_user
from harness.guest import Guest
from harness.streams import GivenInput, HostInput, Sink, Streams, make_pipe

F_SETFL = 4
"""Of fcntl(2)."""


@dataclass(frozen=True)
class Started:
    """A program that runs: its pidfd, and what goes to and from it."""

    pidfd: int
    streams: Streams


async def complete(
    guest: Guest,
    container: int,
    program: Program,
    *,
    user: str,
    groups: Sequence[str] = (),
    hostname: str = "",
    environment: Mapping[str, str],
) -> Program:
    """`program` with the ids of `user`, and the variables that docker sets before those of `environment`.

    Raises HarnessError for users and groups that the container has not.
    """
    found = await find_user(GuestFiles(guest, container), user, groups)
    name = hostname or str((await containers.query(guest, container))["id"])
    settings = {"PATH": DEFAULT_PATH, **program.environment, "HOSTNAME": name, "HOME": found.home, **environment}
    return replace(program, environment=settings, user=found.user, group=found.group, groups=found.groups)


async def start_program(
    guest: Guest, container: int, program: Program, source: HostInput | GivenInput | None, output: Sink, errors: Sink
) -> Started:
    """Start a program whose standard files are pipes. Without a `source` its input is at its end.

    Raises OSError as run_in_container(1001), and leaves no descriptor behind.
    """
    pipes = [await make_pipe(guest, os.O_CLOEXEC) for _ in range(3)]
    given, out, err = pipes
    theirs = {0: given.read_end, 1: out.write_end, 2: err.write_end}
    await guest.sys.fcntl(given.write_end, F_SETFL, os.O_WRONLY | os.O_NONBLOCK)
    try:
        pidfd = await containers.run(guest, container, replace(program, files=theirs))
    except OSError:
        for descriptor in (*theirs.values(), given.write_end, out.read_end, err.read_end):
            await guest.sys.close(descriptor)
        raise
    for descriptor in theirs.values():
        await guest.sys.close(descriptor)
    streams = Streams(guest, pidfd, source, given.write_end)
    streams.add_output(out.read_end, output)
    streams.add_output(err.read_end, errors)
    if source is None:
        await streams.close_input()
    return Started(pidfd, streams)
