"""Spinlocks over the whole program: what is refused, and what is accepted, of sleeping, rank and guarded fields."""

from __future__ import annotations

import pytest

from codegen.diagnostics import Diagnostic
from kernel.base.lock_rank import LockRank
from tests.codegen.refusal import compile_text, refusal

LOCKS = """
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock


@struct
class Outer:
    value: u32 = 0
    lock: SpinLock = inline(SpinLock(LockRank.ADDRESS_SPACE))


@struct
class Middle:
    value: u32 = 0
    lock: SpinLock = inline(SpinLock(LockRank.HEAP))


OUTER = Outer()
MIDDLE = Middle()
INNER = SpinLock(LockRank.FRAMES)


@sleeps
def wait() -> None:
    OUTER.value = 1


def rest() -> None:
    wait()


def take_inner() -> None:
    with INNER:
        OUTER.value = 2


def count() -> None:
    take_inner()


class Waiter(Interface):
    def go(self) -> None: ...


@struct
class Patient(Waiter):
    turns: u32 = 0

    def go(self) -> None:
        rest()


@struct
class Busy(Waiter):
    turns: u32 = 0

    def go(self) -> None:
        self.turns += 1


PATIENT = Patient()
BUSY = Busy()
"""


def steps(found: Diagnostic) -> list[str]:
    return [step for _location, step in found.path]


# Sleeping -----------------------------------------------------------------------------------------

SLEEPING = [
    ("with OUTER.lock:\n        wait()", "wait()", []),
    ("with OUTER.lock:\n        rest()", "rest()", ["rest calls wait"]),
    ("with OUTER.lock:\n        if OUTER.value == 1:\n            rest()", "rest()", ["rest calls wait"]),
    ("OUTER.lock.acquire()\n    wait()\n    OUTER.lock.release()", "wait()", []),
    ("with OUTER.lock, MIDDLE.lock:\n        wait()", "wait()", []),
    ("with INNER:\n        x: Waiter = PATIENT\n        x.go()", "x.go()", ["go calls rest", "rest calls wait"]),
    ("with INNER:\n        x: Callable[[], None] = rest\n        x()", "x()", ["rest calls wait"]),
]


@pytest.mark.parametrize(("body", "target", "path"), SLEEPING)
def test_sleeping_under_a_spinlock_is_refused_with_the_calls_that_lead_there(
    body: str, target: str, path: list[str]
) -> None:
    found = refusal(f"{LOCKS}\ndef f() -> None:\n    {body}")
    assert found.target == target
    assert "may sleep" in found.message and "taken in line" in found.message
    assert found.hint.startswith("leave the `with` first")
    shown = [" ".join(word.rsplit(".", 1)[-1] for word in step.split()) for step in steps(found)]
    assert shown == path


@pytest.mark.parametrize(
    "body",
    [
        "with OUTER.lock:\n        OUTER.value = 1\n    wait()",
        "wait()\n    with OUTER.lock:\n        OUTER.value = 1",
        "OUTER.lock.acquire()\n    OUTER.lock.release()\n    wait()",
        "while OUTER.value == 1:\n        with OUTER.lock:\n            OUTER.value = 1\n        rest()",
        "with OUTER.lock:\n        x: Waiter = BUSY\n        x.go()",
        "with OUTER.lock:\n        if OUTER.value == 1:\n            return\n    wait()",
    ],
)
def test_sleeping_without_a_spinlock_is_accepted(body: str) -> None:
    compile_text(f"{LOCKS}\ndef f() -> None:\n    {body}")


def test_the_message_is_one_line_a_call() -> None:
    text = str(refusal(f"{LOCKS}\ndef f() -> None:\n    with OUTER.lock:\n        rest()"))
    lines = text.splitlines()
    assert lines[1].strip() == "rest()" and lines[2].strip() == "^^^^^^"
    assert len(lines) == 5 and lines[3].endswith(".wait") and lines[4].startswith("    hint: ")


# Rank ---------------------------------------------------------------------------------------------

OUTER = f"Outer.lock (rank {int(LockRank.ADDRESS_SPACE)})"
MIDDLE = f"Middle.lock (rank {int(LockRank.HEAP)})"
INNER = f"INNER (rank {int(LockRank.FRAMES)})"
ORDER = [
    ("with MIDDLE.lock:\n        with OUTER.lock:\n            wait_not()", "OUTER.lock", OUTER, 0),
    ("with INNER:\n        with MIDDLE.lock:\n            wait_not()", "MIDDLE.lock", MIDDLE, 0),
    ("with INNER:\n        take_inner()", "take_inner()", INNER, 1),
    ("with INNER:\n        count()", "count()", INNER, 2),
    ("with MIDDLE.lock, OUTER.lock:\n        wait_not()", "OUTER.lock", OUTER, 0),
]
NOT_WAITING = "\n\ndef wait_not() -> None:\n    OUTER.value = 3\n"


@pytest.mark.parametrize(("body", "target", "lock", "length"), ORDER)
def test_a_lock_taken_against_its_rank_is_refused(body: str, target: str, lock: str, length: int) -> None:
    found = refusal(f"{LOCKS}{NOT_WAITING}\n\ndef f() -> None:\n    {body}")
    assert found.target == target
    assert lock in found.message and "under" in found.message
    assert len(found.path) == length
    assert found.hint.startswith("take the one of lower rank first")


@pytest.mark.parametrize(
    "body",
    [
        "with OUTER.lock:\n        with MIDDLE.lock:\n            take_inner()",
        "with OUTER.lock, MIDDLE.lock, INNER:\n        wait_not()",
        "with MIDDLE.lock:\n        wait_not()\n    with OUTER.lock:\n        wait_not()",
    ],
)
def test_locks_in_order_are_accepted(body: str) -> None:
    compile_text(f"{LOCKS}{NOT_WAITING}\n\ndef f() -> None:\n    {body}")


def test_a_lock_without_a_rank_is_refused() -> None:
    found = refusal(f"{LOCKS}\nPLAIN = SpinLock(LockRank.NONE)\n\n\ndef f() -> None:\n    with PLAIN:\n        pass")
    assert found.target == "PLAIN" and "PLAIN has no rank" in found.message and "inline(SpinLock(" in found.hint


def test_a_lock_that_is_an_argument_has_no_known_rank() -> None:
    found = refusal(f"{LOCKS}\ndef f(lock: SpinLock) -> None:\n    with lock:\n        pass")
    assert found.target == "lock" and "no rank that is known here" in found.message


# Guarded fields -----------------------------------------------------------------------------------

GUARDED = """
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock


@struct
class Queue:
    limit: u32 = 4
    lock: SpinLock = inline(SpinLock(LockRank.HEAP))
    used: u32 = 0
    first: Node | None = None
    inner: Inner = inline()
    taken: Atomic[u32] = inline()

    def add(self) -> None:
        self.used += 1

    def add_locked(self) -> None:
        with self.lock:
            self.add()


@struct
class Other:
    lock: SpinLock = inline(SpinLock(LockRank.FRAMES))


def move(source: Queue, target: Queue) -> None:
    with source.lock:
        source.used -= 1
        target.used += 1


QUEUE = Queue()
SECOND = Queue()
OTHER = Other()
"""

UNGUARDED = [
    ("QUEUE.used = 1", "QUEUE.used", "Queue.used", 0),
    ("release(QUEUE.used)", "QUEUE.used", "Queue.used", 0),
    ("with QUEUE.lock:\n        pass\n    QUEUE.used = 1", "QUEUE.used", "Queue.used", 0),
    ("with OTHER.lock:\n        QUEUE.used = 1", "QUEUE.used", "Queue.used", 0),
    ("with SECOND.lock:\n        QUEUE.used = 1", "QUEUE.used", "Queue.used", 0),
    ("move(QUEUE, SECOND)", "target.used", "Queue.used", 1),
    ("x = QUEUE.first", "QUEUE.first", "Queue.first", 0),
    ("QUEUE.inner.weight = 1", "QUEUE.inner", "Queue.inner", 0),
    ("QUEUE.add()", "self.used", "Queue.used", 1),
    ("queue = local(Queue)\n    queue = QUEUE\n    queue.used = 1", "queue.used", "Queue.used", 0),
    ("QUEUE.add_locked()\n    QUEUE.add()", "self.used", "Queue.used", 1),
]


@pytest.mark.parametrize(("body", "target", "name", "length"), UNGUARDED)
def test_a_guarded_field_without_its_lock_is_refused(body: str, target: str, name: str, length: int) -> None:
    found = refusal(f"{GUARDED}\ndef f() -> None:\n    {body}")
    assert found.target == target
    assert found.message == f"{name} is used without Queue.lock, which guards it"
    assert len(found.path) == length
    assert "declare it above the lock" in found.hint


@pytest.mark.parametrize(
    "body",
    [
        "with QUEUE.lock:\n        QUEUE.used = QUEUE.limit",
        "with QUEUE.lock:\n        QUEUE.add()",
        "with QUEUE.lock, OTHER.lock:\n        QUEUE.add()",
        "QUEUE.add_locked()",
        "QUEUE.lock.acquire()\n    QUEUE.add()\n    QUEUE.lock.release()",
        "release(QUEUE.limit)",
        "release(QUEUE.taken.load())",
        "queue = local(Queue)\n    queue.used = 1\n    queue.add()",
        "with QUEUE.lock:\n        x = QUEUE.first\n    if x is not None:\n        x.value = 1",
    ],
)
def test_a_guarded_field_under_its_lock_is_accepted(body: str) -> None:
    compile_text(f"{GUARDED}\ndef f() -> None:\n    {body}")
