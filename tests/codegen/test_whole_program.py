"""What is refused, and what is accepted, by the checks over the whole program."""

from __future__ import annotations

import pytest

from codegen.diagnostics import Diagnostic
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

ORDER = [
    ("with MIDDLE.lock:\n        with OUTER.lock:\n            wait_not()", "OUTER.lock", "Outer.lock (rank 1)", 0),
    ("with INNER:\n        with MIDDLE.lock:\n            wait_not()", "MIDDLE.lock", "Middle.lock (rank 7)", 0),
    ("with INNER:\n        take_inner()", "take_inner()", "INNER (rank 8)", 1),
    ("with INNER:\n        count()", "count()", "INNER (rank 8)", 2),
    ("with MIDDLE.lock, OUTER.lock:\n        wait_not()", "OUTER.lock", "Outer.lock (rank 1)", 0),
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


QUEUE = Queue()
OTHER = Other()
"""

UNGUARDED = [
    ("QUEUE.used = 1", "QUEUE.used", "Queue.used", 0),
    ("release(QUEUE.used)", "QUEUE.used", "Queue.used", 0),
    ("with QUEUE.lock:\n        pass\n    QUEUE.used = 1", "QUEUE.used", "Queue.used", 0),
    ("with OTHER.lock:\n        QUEUE.used = 1", "QUEUE.used", "Queue.used", 0),
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


# Escape -------------------------------------------------------------------------------------------

KEEPERS = """
@struct
class Shelf:
    first: Node | None = None
    text: Slice[u8] = b""
    inner: Inner | None = None


SHELF = Shelf()


def keep(node: Node) -> None:
    SHELF.first = node


def keep_through(node: Node) -> None:
    if node.value == 1:
        keep(node)


def keep_text(text: Slice[u8]) -> None:
    SHELF.text = text[1:2]


def keep_inner(node: Node) -> None:
    SHELF.inner = node.inner


def put_in(shelf: Shelf, node: Node) -> None:
    shelf.first = node


def keep_first(shelf: Shelf) -> None:
    SHELF.first = shelf.first


def same(node: Node) -> Node:
    return node


def read(node: Node) -> u32:
    return node.value


def chain(node: Node, depth: u32) -> None:
    node.next = NODE


class Keeper(Interface):
    def take(self, node: Node) -> None: ...


@struct
class Keeping(Keeper):
    node: Node | None = None

    def take(self, node: Node) -> None:
        self.node = node


@struct
class Looking(Keeper):
    value: u32 = 0

    def take(self, node: Node) -> None:
        self.value = node.value


KEEPING = Keeping()
LOOKING = Looking()
"""

ESCAPING = [
    ("x = local(Node)\n    keep(x)", "keep(x)", "keep keeps its node"),
    ("x = local(Node)\n    keep_through(x)", "keep_through(x)", "keep_through keeps its node"),
    ("x = local_array(u8, 8)\n    keep_text(x[0:4])", "keep_text(x[0:4])", "keep_text keeps its text"),
    ("x = local(Node)\n    keep_inner(x)", "keep_inner(x)", "keep_inner keeps its node"),
    ("x = local(Node)\n    put_in(SHELF, x)", "put_in(SHELF, x)", "put_in keeps its node"),
    ("x = local(Node)\n    SHELF.first = same(x)", "same(x)", "is stored where it outlives"),
    ("x = local(Node)\n    y = local(Shelf)\n    put_in(y, x)\n    keep_first(y)", "keep_first(y)", "shelf.first"),
    ("x = local(Node)\n    y = local(Shelf)\n    y.first = x\n    SHELF.first = y.first", "y.first", "outlives"),
    (
        "x = local(Node)\n    y = local(Shelf)\n    if NODE.value == 1:\n        y = SHELF\n    y.first = x",
        "x",
        "outlives",
    ),
    (
        "x = local(Node)\n    y = local(Shelf)\n    if NODE.value == 1:\n        y = SHELF\n    put_in(y, x)",
        "put_in(y, x)",
        "put_in keeps its node",
    ),
    ("x = local(Node)\n    k: Keeper = KEEPING\n    k.take(x)", "k.take(x)", "take keeps its node"),
]


@pytest.mark.parametrize(("body", "target", "message"), ESCAPING)
def test_a_callee_that_keeps_what_is_on_the_stack_is_refused(body: str, target: str, message: str) -> None:
    found = refusal(f"{KEEPERS}\ndef f() -> None:\n    {body}")
    assert found.target == target
    assert message in found.message
    assert "heap.new" in found.hint


def test_the_message_shows_who_keeps_it() -> None:
    found = refusal(f"{KEEPERS}\ndef f() -> None:\n    x = local(Node)\n    keep_through(x)")
    assert [step.rsplit(".", 1)[-1] for step in steps(found)] == ["keep", "keep stores it"]


def test_returning_what_a_callee_gives_back_is_refused() -> None:
    found = refusal(f"{KEEPERS}\ndef f() -> Node:\n    x = local(Node)\n    return same(x)")
    assert found.target == "same(x)" and "may not outlive the function" in found.message


@pytest.mark.parametrize(
    "body",
    [
        "x = local(Node)\n    read(x)",
        "x = local(Node)\n    chain(x, 1)",
        "x = local(Node)\n    y = local(Shelf)\n    put_in(y, x)\n    read(same(x))",
        "x = local(Node)\n    k: Keeper = LOOKING\n    k.take(x)",
        "keep(NODE)\n    put_in(SHELF, NODE)",
        "y = local(Shelf)\n    y.first = NODE\n    keep_first(y)",
    ],
)
def test_what_is_only_lent_is_accepted(body: str) -> None:
    compile_text(f"{KEEPERS}\ndef f() -> None:\n    {body}")


# Recursion ----------------------------------------------------------------------------------------


def test_a_function_that_calls_itself_is_refused() -> None:
    found = refusal("def f(a: u32) -> u32:\n    return 1 if a == 0 else a * f(a - 1)")
    assert found.target == "f(a - 1)" and found.message.endswith("f calls itself") and "@bounded" in found.hint


def test_a_circle_is_refused_with_its_calls() -> None:
    source = "def g(a: u32) -> u32:\n    return h(a)\n\n\ndef h(a: u32) -> u32:\n    return f(a)\n\n\n"
    found = refusal(f"{source}def f(a: u32) -> u32:\n    return 0 if a == 0 else g(a - 1)")
    assert "comes to call itself" in found.message
    assert [step.rsplit(".", 1)[-1] for step in steps(found)] == ["g", "h", "f"]


def test_recursion_through_an_interface_is_refused() -> None:
    source = """
    @struct
    class Sum(Shape):
        left: Shape = uninitialised()

        def area(self) -> u32:
            return self.left.area() + 1


    SUM = Sum()


    def f() -> u32:
        return SUM.area()
    """
    found = refusal(source)
    assert found.target == "self.left.area()" and "calls itself" in found.message


@pytest.mark.parametrize(
    "source",
    [
        "@bounded(4)\ndef f(a: u32) -> u32:\n    return 1 if a == 0 else a * f(a - 1)",
        "@bounded(2)\ndef g(a: u32) -> u32:\n    return f(a)\n\n\n"
        "def f(a: u32) -> u32:\n    return 0 if a == 0 else g(a - 1)",
        "def g(a: u32) -> u32:\n    return a\n\n\ndef f(a: u32) -> u32:\n    return g(g(a))",
    ],
)
def test_marked_recursion_and_none_are_accepted(source: str) -> None:
    compile_text(source)


def test_a_circle_that_passes_no_mark_is_refused_beside_one_that_does() -> None:
    source = "@bounded(2)\ndef g(a: u32) -> u32:\n    return f(a)\n\n\n"
    found = refusal(f"{source}def f(a: u32) -> u32:\n    return f(a - 1) if a > 3 else g(a)")
    assert found.target == "f(a - 1)"


# Unused results -----------------------------------------------------------------------------------

MAKER = "@must_use\ndef make(a: u32) -> Fallible[u32]:\n    if a == 0:\n        raise ENOENT\n    return a\n\n\n"


def test_a_dropped_result_is_refused() -> None:
    found = refusal(f"{MAKER}def f() -> Fallible[None]:\n    make(3)")
    assert found.target == "make(3)" and "the result of" in found.message and "is dropped" in found.message
    assert "keep the result" in found.hint


@pytest.mark.parametrize("body", ["x = make(3)\n    release(x)", "_ = make(3)", "release(make(3))", "find(3)"])
def test_a_used_result_and_an_unmarked_function_are_accepted(body: str) -> None:
    compile_text(f"{MAKER}def f() -> Fallible[None]:\n    {body}")


# What is checked function by function -------------------------------------------------------------

ACCEPTED = [
    "def f(a: UserAddr) -> UserAddr:\n    return UserAddr(a + 8)",
    "def f(a: UserSlice) -> u64:\n    return a.length + u64(a.address)",
    "def f(a: Node, b: Node) -> None:\n    a.next = b\n    a.inner.weight = b.inner.weight",
    "def f(a: Node, b: Node) -> None:\n    copy(a.name[0:8], b.name[0:8])",
    "def f() -> None:\n    NODE.value = 3",
    "def f() -> u64:\n    SMALL = 3\n    return SMALL",
    "def f() -> Fallible[u32]:\n    return find(1)",
    "def f() -> u32:\n    try:\n        return find(1)\n    except ENOENT:\n        return 0",
    "def f(a: Node) -> u32:\n    x = local(Node)\n    x.next = a\n    return x.double()",
]


@pytest.mark.parametrize("source", ACCEPTED)
def test_what_looks_like_a_refused_thing_but_is_none_is_accepted(source: str) -> None:
    compile_text(source)
