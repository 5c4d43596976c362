"""Where every processor of a machine is: what `bt` in `pithos console` and a test that fails print.

All code of the kernel keeps frame pointers, so a walk along the chain that begins in RBP finds every caller, and the
line table of the image says where each is. Memory is read from outside: it works however badly the kernel hangs.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from boot.layout import DIRECT_MAP
from harness.inspect import Corrupt, Kernel
from harness.inspect_state import runs_what
from harness.physical import NotMapped, read_virtual

MOST_FRAMES = 64
REGISTER = re.compile(r"\b(RIP|RSP|RBP|RFL|CR3|CPL|HLT)\s*=([0-9a-f]+)")
INTERRUPTS_ENABLED = 1 << 9
"""RFLAGS.IF (Intel SDM vol. 1, figure 3-8)."""

Execute = Callable[[str, Mapping[str, object]], Awaitable[Any]]
"""Makes one QMP command."""


async def backtrace(execute: Execute, kernel: Kernel, only: int | None = None) -> list[str]:
    """The calls of every processor, or of `only` one, innermost first. A machine that runs is paused meanwhile.

    Raises ValueError when there is no processor of that number.
    """
    was_running = (await execute("query-status", {}))["running"]
    if was_running:
        await execute("stop", {})
    try:
        indices = [entry["cpu-index"] for entry in await execute("query-cpus-fast", {})]
        if only is not None and only not in indices:
            raise ValueError(f"there is no cpu {only}, only {', '.join(map(str, indices))}")
        lines = []
        for index in indices if only is None else [only]:
            printed = await execute("human-monitor-command", {"command-line": "info registers", "cpu-index": index})
            registers = {name: int(value, 16) for name, value in REGISTER.findall(str(printed))}
            lines.append(f"cpu {index}: {_state(registers)}; runs {_running_thread(kernel, index)}")
            lines += [f"  {line}" for address in _chain(kernel, registers) for line in _places(kernel, address)]
        return lines
    finally:
        if was_running:
            await execute("cont", {})


def _state(registers: Mapping[str, int]) -> str:
    """In which ring it is, and whether it can be interrupted."""
    interrupts = "on" if registers["RFL"] & INTERRUPTS_ENABLED else "off"
    halted = ", halted" if registers.get("HLT") else ""
    return f"ring {registers['CPL']}, interrupts {interrupts}{halted}"


def _running_thread(kernel: Kernel, index: int) -> str:
    """The thread that the processor runs; QEMU numbers processors by their APIC ids."""
    running = kernel.static("kernel.machine.processors.PROCESSORS")
    for number in range(running.running):
        if running.apic_ids[number] == index:
            try:
                return runs_what(kernel.static("kernel.sched.cpu.CPUS").of[number])
            except (Corrupt, LookupError) as error:
                return f"what cannot be read: {error}"
    return "nothing of the kernel"


def _chain(kernel: Kernel, registers: Mapping[str, int]) -> Iterator[int]:
    """The address of the instruction at hand, and then within the call that each caller is in."""
    yield registers["RIP"]
    if _is_stub(kernel, registers["RIP"]):
        # The small stubs keep no frame: what is on top of the stack is where they return to, if it can be that.
        with suppress(NotMapped, IndexError):
            top = int.from_bytes(read_virtual(kernel.memory, registers["CR3"], registers["RSP"], 8), "little")
            if kernel.lines.frames(top - 1) and not _is_stub(kernel, top - 1):
                yield top - 1
    frame = registers["RBP"]
    for _ in range(MOST_FRAMES):
        if frame < DIRECT_MAP:  # the chain begins with 0, and programs keep what they like in RBP
            return
        try:
            content = read_virtual(kernel.memory, registers["CR3"], frame, 16)
        except (NotMapped, IndexError):
            return
        caller, returns_to = (int.from_bytes(content[at : at + 8], "little") for at in (0, 8))
        if returns_to < DIRECT_MAP:
            return
        yield returns_to - 1
        if DIRECT_MAP <= caller <= frame:
            return
        frame = caller


def _is_stub(kernel: Kernel, address: int) -> bool:
    """Whether an instruction is of a stub, which has no line of Python."""
    frames = kernel.lines.frames(address)
    return bool(frames) and frames[0].line == 0


def _places(kernel: Kernel, address: int) -> Iterator[str]:
    """Function, file and line of an address, and of what that was inlined into."""
    frames = kernel.lines.frames(address)
    for frame in frames:
        yield f"{frame.function:52} {frame.file}:{frame.line}" if frame.line else f"{frame.function:52} {frame.file}"
    if not frames:
        yield f"{address:#x}, not of the kernel"
