"""What is refused, and what is accepted, over the whole program: escape, recursion, dropped results."""

from __future__ import annotations

import pytest

from codegen.diagnostics import Diagnostic
from tests.codegen.refusal import compile_text, refusal


def steps(found: Diagnostic) -> list[str]:
    return [step for _location, step in found.path]


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
