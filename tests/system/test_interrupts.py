"""A timer interrupt at every instruction of a system call, in the emulator: the call does the same each time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from harness import agent_protocol
from harness.agent_protocol import Buffer, out
from harness.emulator import EmulatedMachine, start_emulator
from harness.inspect_state import validate
from harness.interface import call_numbers
from harness.machine import MEBIBYTE, Backend, Machine
from kernel.machine.trap import Vector

SEQUENCE = 77


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def emulated(machine: Machine) -> AsyncIterator[EmulatedMachine]:
    """An emulated machine whose agent is ready, whatever the backend of the other tests."""
    small = replace(machine, backend=Backend.EMULATOR, cpus=1, memory=32 * MEBIBYTE)
    running = await start_emulator(small)
    await running.guest.wait_ready()
    yield running
    await running.quit()


async def reach_call(emulated: EmulatedMachine, name: str, *arguments: int | Buffer) -> agent_protocol.Request:
    """Send a request, and stop at the first instruction of the kernel's side of that call."""
    request = agent_protocol.encode(SEQUENCE, call_numbers()[name], arguments)
    await emulated.send(request.content)
    entry = emulated.kernel.symbols["syscall_entry"]
    number = call_numbers()[name]
    for _ in range(5_000_000):
        emulated.step()
        if emulated.cpu.get("rip") == entry and emulated.cpu.get("rax") == number:
            return request
    raise AssertionError("the agent did not make the call")


def is_outside(emulated: EmulatedMachine) -> bool:
    """Whether the call has returned to ring 3."""
    return emulated.cpu.level == 3


@pytest.mark.parametrize("name", ["getpid", "clock_gettime"])
async def test_interrupt_at_every_instruction(emulated: EmulatedMachine, name: str) -> None:
    arguments: tuple[int | Buffer, ...] = () if name == "getpid" else (0, out(16))
    request = await reach_call(emulated, name, *arguments)
    await emulated.save()
    length = 0
    while not is_outside(emulated):
        emulated.step()
        length += 1
    result = agent_protocol.decode(SEQUENCE, request, await emulated.receive(request.reply_length))
    assert result == (1 if name == "getpid" else 0)
    assert 50 < length < 20_000
    for position in range(length):
        await emulated.rewind()
        emulated.step(position)
        emulated.inject_interrupt(Vector.TIMER)
        reply = await emulated.receive(request.reply_length)
        assert Vector.TIMER not in emulated.local_apic.waiting, "the interrupt was not delivered"
        assert agent_protocol.decode(SEQUENCE, request, reply) == result, f"at instruction {position}"
        if position % 50 == 0:
            validate(emulated.kernel)


async def test_two_runs_are_the_same_run(machine: Machine) -> None:
    seen = []
    for _ in range(2):
        emulated = await start_emulator(replace(machine, backend=Backend.EMULATOR, cpus=1, memory=32 * MEBIBYTE))
        await emulated.guest.wait_ready()
        await emulated.guest.sys.getpid()
        seen.append((emulated.instructions, emulated.clock, emulated.memory.read(0, emulated.memory.size)))
        await emulated.quit()
    assert seen[0][:2] == seen[1][:2]
    assert seen[0][2] == seen[1][2], "memory differs"
