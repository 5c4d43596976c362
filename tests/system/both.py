"""The same sequence of system calls in the guest and on this machine's Linux, which is what it is compared with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from harness.agent_protocol import Buffer
from harness.guest import Guest
from harness.interface import call_numbers
from harness.linux_agent import LinuxAgent
from user.build import build_agent

Call = Callable[..., Awaitable[int]]
"""Makes a call by name; the result, or minus the error number."""
Scenario = Callable[[Call], Awaitable[Any]]


def guest_calls(guest: Guest) -> Call:
    """Calls of the agent in the guest."""

    async def call(name: str, *arguments: int | Buffer | None) -> int:
        try:
            return await guest.call(call_numbers()[name], *arguments)
        except OSError as error:
            assert error.errno is not None
            return -error.errno

    return call


def linux_calls(agent: LinuxAgent) -> Call:
    """Calls of the agent as a process of this machine."""

    async def call(name: str, *arguments: int | Buffer | None) -> int:
        plain = [0 if argument is None else argument for argument in arguments]
        masked = [argument % (1 << 64) if isinstance(argument, int) else argument for argument in plain]
        return agent.call(call_numbers()[name], *masked)

    return call


async def on_linux(scenario: Scenario, folder: Path) -> Any:
    """What `scenario` sees on Linux, played by a fresh agent whose program is put into `folder`."""
    program = folder / "agent"
    program.write_bytes(build_agent())
    program.chmod(0o755)
    agent = LinuxAgent(program)
    try:
        return await scenario(linux_calls(agent))
    finally:
        agent.end()


async def in_both(scenario: Scenario, guest: Guest, folder: Path) -> tuple[Any, Any]:
    """What `scenario` sees in the guest, and on Linux."""
    return await scenario(guest_calls(guest)), await on_linux(scenario, folder)
