"""The kernel lock: who may take it, and who is woken when it is given up."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from kernel.machine.trap import Vector
from kernel.sched import kernel_lock
from kernel.sched.kernel_lock import KernelLock

THREADS = (0x1000, 0x2000, 0x3000)
"""The addresses of the threads that run, by processor."""


class Machine:
    """Which processor the test plays, and the interrupts that were sent."""

    def __init__(self) -> None:
        self.processor = 0
        self.sent: list[int] = []


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Processors that the test plays one after the other."""
    made = Machine()

    def send(processor: int, vector: Vector) -> None:
        assert vector == Vector.RESCHEDULE
        made.sent.append(processor)

    monkeypatch.setattr(kernel_lock, "current_cpu_number", lambda: made.processor)
    monkeypatch.setattr(kernel_lock, "current_thread_address", lambda: THREADS[made.processor])
    monkeypatch.setattr(kernel_lock, "interrupts_enabled", lambda: True)
    monkeypatch.setattr(kernel_lock, "disable_interrupts", lambda: None)
    monkeypatch.setattr(kernel_lock, "enable_interrupts", lambda: None)
    monkeypatch.setattr(kernel_lock, "send_interrupt", send)
    monkeypatch.setattr(kernel_lock, "PROCESSORS", SimpleNamespace(apic_ids=range(len(THREADS))))
    return made


def test_one_has_it(machine: Machine) -> None:
    lock = KernelLock()
    lock.enter()
    assert lock.is_mine
    machine.processor = 1
    assert not lock.is_mine and not lock.take()
    machine.processor = 0
    lock.leave()
    machine.processor = 1
    assert lock.take()


def test_nobody_takes_what_another_claims(machine: Machine) -> None:
    lock = KernelLock()
    lock.claim.store(2)
    assert not lock.take()
    machine.processor = 1
    lock.enter()
    assert lock.is_mine


def test_who_halts_is_woken_in_turn(machine: Machine) -> None:
    lock = KernelLock()
    for _ in range(4):
        lock.halted.store(0b110)
        lock.enter()
        lock.leave()
    assert machine.sent == [1, 2, 1, 2]
    assert lock.halted.load() == 0b010


def test_who_claims_is_woken_first(machine: Machine) -> None:
    lock = KernelLock()
    lock.enter()
    lock.halted.store(0b110)
    lock.claim.store(3)
    lock.leave()
    assert machine.sent == [2]
    assert lock.halted.load() == 0b010


def test_who_claims_and_spins_needs_no_interrupt(machine: Machine) -> None:
    lock = KernelLock()
    lock.enter()
    lock.halted.store(0b010)
    lock.claim.store(3)
    lock.leave()
    assert machine.sent == []
