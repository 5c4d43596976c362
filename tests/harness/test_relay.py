"""Which signals are passed on, and which end the machine (harness/relay.py)."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from harness.relay import Relay


async def settled(relay: Relay, *numbers: int, attach_first: bool = True) -> tuple[int, list[int]]:
    """Send ourselves these signals while a job runs; its status, 0 if it was left alone, and what was passed on."""
    passed: list[int] = []

    async def job() -> int:
        if attach_first:
            relay.attach(passed.append)
        for number in numbers:
            os.kill(os.getpid(), number)
            await asyncio.sleep(0.01)
        relay.attach(passed.append)
        await asyncio.sleep(0.2)
        return 0

    return await relay.supervise(job()), passed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
async def test_the_second_one_ends_the_machine(number: signal.Signals) -> None:
    assert await settled(Relay(), number) == (0, [number])
    assert await settled(Relay(), number, number) == (128 + number, [number])


async def test_two_kinds_are_not_a_second_one() -> None:
    assert await settled(Relay(), signal.SIGINT, signal.SIGTERM) == (0, [signal.SIGINT, signal.SIGTERM])


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH])
async def test_others_are_passed_on_however_often(number: signal.Signals) -> None:
    assert await settled(Relay(), *[number] * 3) == (0, [number] * 3)


async def test_before_there_is_a_program() -> None:
    assert await settled(Relay(), signal.SIGTERM, attach_first=False) == (128 + signal.SIGTERM, [])
    assert await settled(Relay(), signal.SIGUSR1, signal.SIGWINCH, attach_first=False) == (0, [signal.SIGUSR1])


async def test_the_program_is_killed_when_patience_ends() -> None:
    assert await settled(Relay(patience=0.05), signal.SIGTERM) == (0, [signal.SIGTERM, signal.SIGKILL])


async def test_a_terminal_hears_of_its_size_instead() -> None:
    relay, sizes = Relay(), []
    relay.on_resize(lambda: sizes.append("changed"))
    assert await settled(relay, signal.SIGWINCH) == (0, [])
    assert sizes == ["changed"]
