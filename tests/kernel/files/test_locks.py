"""Record locks, by a model that knows of every byte who has it: whatever is asked for in whatever order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.base.errno import EAGAIN, ENOLCK
from kernel.files import locks
from kernel.files.attributes import Attributes
from kernel.files.locks import LAST_BYTE, FileLock
from kernel.memory.account import Account
from tests.kernel.files.conftest import account as account  # noqa: PLC0414

BYTES = 12
OWNERS = 3
READ, WRITE, UNLOCK = range(3)
STEPS = st.lists(
    st.tuples(st.integers(0, OWNERS - 1), st.integers(0, 2), st.integers(0, BYTES - 1), st.integers(0, BYTES - 1)),
    min_size=1,
    max_size=40,
)
UNHURRIED = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


class Model:
    """Per byte, the type that each owner has there."""

    def __init__(self) -> None:
        self.types: list[dict[int, int]] = [{} for _ in range(BYTES)]

    def permits(self, owner: int, kind: int, span: range) -> bool:
        """Whether no other owner is in the way."""
        return not any(
            other != owner and WRITE in (kind, held) for place in span for other, held in self.types[place].items()
        )

    def set(self, owner: int, kind: int, span: range) -> None:
        """Lock or unlock."""
        for place in span:
            self.types[place].pop(owner, None)
            if kind != UNLOCK:
                self.types[place][owner] = kind


class Kernel:
    """The same with the kernel's functions."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.about = Attributes()
        self.tables: list[Any] = [SimpleNamespace() for _ in range(OWNERS)]
        self.file: Any = SimpleNamespace(inode=SimpleNamespace(described=self.about))

    def request(self, owner: int, kind: int, first: int, last: int) -> FileLock:
        """What an owner asks for; the last byte stands for all that follow."""
        asked = locks.new_lock(self.account)
        asked.about = self.about
        asked.file = self.file
        asked.table = self.tables[owner]
        asked.is_write = kind == WRITE
        asked.first = first
        asked.last = LAST_BYTE if last == BYTES - 1 else last
        return asked

    def set(self, owner: int, kind: int, first: int, last: int) -> bool:
        """Whether it was granted."""
        asked = self.request(owner, kind, first, last)
        if kind == UNLOCK:
            locks.release(asked)
            asked.free()
            return True
        try:
            locks.acquire(asked, False)
        except EAGAIN:
            return False
        return True

    def types(self) -> list[dict[int, int]]:
        """Per byte, as the model has it; checks what the chain promises on the way."""
        told: list[dict[int, int]] = [{} for _ in range(BYTES)]
        order: list[int] = []
        before: FileLock | None = None
        for lock in locks.locks_on(self.about):
            owner = next(number for number, table in enumerate(self.tables) if table is lock.table)
            if before is not None and before.table is lock.table:
                assert before.last < lock.first
                assert before.last + 1 < lock.first or before.is_write != lock.is_write, "neighbours are one lock"
            else:
                order.append(owner)
            for place in range(lock.first, min(lock.last, BYTES - 1) + 1):
                told[place][owner] = WRITE if lock.is_write else READ
            before = lock
        assert len(order) == len(set(order)), "the locks of an owner stand together"
        return told


@UNHURRIED
@given(steps=STEPS)
def test_any_sequence(account: Account, steps: list[tuple[int, int, int, int]]) -> None:
    model, kernel = Model(), Kernel(account)
    objects = account.heap.objects
    for owner, kind, one, other in steps:
        first, last = min(one, other), max(one, other)
        span = range(first, last + 1)
        granted = kind == UNLOCK or model.permits(owner, kind, span)
        assert kernel.set(owner, kind, first, last) == granted
        if granted:
            model.set(owner, kind, span)
        assert kernel.types() == model.types
    for table in kernel.tables:
        locks.release_of_process(kernel.file, table)
    assert kernel.about.locks is None
    assert account.heap.objects == objects


@pytest.mark.parametrize("kind", [READ, UNLOCK])
def test_dividing_a_lock_without_memory_changes_nothing(
    account: Account, monkeypatch: pytest.MonkeyPatch, kind: int
) -> None:
    kernel = Kernel(account)
    kernel.set(0, WRITE, 0, 9)
    asked = kernel.request(0, kind, 3, 5)
    before = kernel.types()

    def refuse(account: Account) -> FileLock:
        raise ENOLCK

    with monkeypatch.context() as without_memory:
        without_memory.setattr(locks, "new_lock", refuse)
        with pytest.raises(ENOLCK):
            locks.grant(asked) if kind == READ else locks.release(asked)
    asked.free()
    assert kernel.types() == before
    locks.release_of_process(kernel.file, kernel.tables[0])
