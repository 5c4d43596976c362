"""A program in a container of a test's guest that makes the system calls a test tells it (user/puppet)."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from codegen.root import BUILD_FOLDER
from harness import containers
from harness.containers import Limits, Program
from harness.guest import Guest
from harness.inspect import View
from harness.inspect_state import all_containers, frame_counts
from harness.interface import call_numbers
from harness.plugin import ROOT
from harness.running import RunningMachine
from harness.streams import make_pipe
from kernel.memory.frames import FrameUse
from user.build import build_fuzz, build_puppet, build_race
from user.puppet import orders

T = TypeVar("T")
PATH = "/bin/puppet"
ORDER = struct.Struct("<8Q")
ANSWER = struct.Struct("<q")
WORD_MASK = (1 << 64) - 1
LARGEST_ERRNO = 4095
KEPT = (FrameUse.HEAP, FrameUse.PAGE_TABLE)


def add_puppet(folder: Path) -> None:
    """Put the program, and those of test_fuzz.py and test_races.py, into /bin of the root file system `folder`."""
    for name, build in (("puppet", build_puppet), ("fuzz", build_fuzz), ("race", build_race)):
        path = folder / "bin" / name
        path.write_bytes(build(cache=BUILD_FOLDER / "cache"))
        path.chmod(0o755)
    script = folder / "bin" / "fuzz.sh"
    script.write_text("#!/bin/busybox sh\nexit 3\n")
    script.chmod(0o755)


class PuppetDied(Exception):
    """The program ended instead of answering."""


@dataclass
class Puppet:
    """One running puppet."""

    guest: Guest
    container: int
    pidfd: int
    orders: int
    answers: int
    used: int = 0

    async def call(self, what: int | str, *arguments: int) -> int:
        """One system call, by name or number, or one order. Raises OSError, PuppetDied."""
        await self.send(what, *arguments)
        return await self.answer()

    async def send(self, what: int | str, *arguments: int) -> None:
        """Tell it what to do, and do not wait."""
        number = call_numbers()[what] if isinstance(what, str) else what
        words = [number, *(argument & WORD_MASK for argument in arguments)]
        await self.guest.write(self.orders, ORDER.pack(*words, *[0] * (8 - len(words))))

    async def answer(self) -> int:
        """The result of what was sent."""
        content = b""
        while len(content) < ANSWER.size:
            part = await self.guest.read(self.answers, ANSWER.size - len(content))
            if not part:
                raise PuppetDied(f"status {await containers.wait(self.guest, self.pidfd)}")
            content += part
        result = int(ANSWER.unpack(content)[0])
        if -LARGEST_ERRNO <= result < 0:
            raise OSError(-result, os.strerror(-result))
        return result

    async def load(self, content: bytes) -> int:
        """Put bytes into its memory; their address."""
        offset = self.used
        self.used += (len(content) + 7) // 8 * 8
        await self.send(orders.LOAD, offset, len(content))
        await self.guest.write(self.orders, content)
        return await self.answer()

    async def text(self, text: str) -> int:
        """Put a C string into its memory; its address."""
        return await self.load(text.encode() + b"\0")

    async def end(self) -> int:
        """Let it end, and close what belongs to it; its status."""
        await self.guest.sys.close(self.orders)
        status = await containers.wait(self.guest, self.pidfd)
        await self.forget()
        return status

    async def forget(self) -> None:
        """Close the descriptors of a puppet that has died."""
        await self.guest.sys.close(self.answers)
        await self.guest.sys.close(self.pidfd)


async def start(guest: Guest, container: int) -> Puppet:
    """A puppet in this container, ready for orders."""
    given, answers = await make_pipe(guest, os.O_CLOEXEC), await make_pipe(guest, os.O_CLOEXEC)
    files = {0: given.read_end, 1: answers.write_end}
    pidfd = await containers.run(guest, container, Program([PATH], files=files))
    for descriptor in files.values():
        await guest.sys.close(descriptor)
    puppet = Puppet(guest, container, pidfd, given.write_end, answers.read_end)
    assert await puppet.answer() == orders.READY
    return puppet


async def in_new_container(guest: Guest, *, name: str = "", limits: Limits | None = None) -> Puppet:
    """A puppet in a container of its own."""
    return await start(guest, await containers.create(guest, ROOT, name=name, limits=limits or Limits()))


def last_container(running: RunningMachine) -> View:
    """The container that was made last."""
    return max((container for _, container in all_containers(running.kernel)), key=lambda container: container.id)


def held(running: RunningMachine) -> tuple[dict[tuple[int, FrameUse], int], int]:
    """The frames of each account by use, and the objects of the boot container, but for what is kept for next time:
    slabs without objects, page tables without pages.
    """
    counts = frame_counts(running.kernel).items()
    frames = {key: count for key, count in counts if key[0] and key[1] not in KEPT}
    return frames, running.kernel.root_container.account.heap.objects


async def settled(look: Callable[[], T], expected: T) -> T:
    """What `look` shows once it is `expected`, or after a second: ended threads give back their stacks late."""
    for _ in range(50):
        if look() == expected:
            break
        await asyncio.sleep(0.02)
    return look()
