"""Ten mistakes of someone who knows Python and has never written a kernel.

Each message has to point at the mistake and to say what to write instead; and what it says has to be accepted.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from codegen.lang import struct, u64
from tests.codegen.refusal import compile_text, refusal


@dataclass(frozen=True)
class Mistake:
    """What was written, what the message says of it, and the program with what the hint says."""

    name: str
    wrong: str
    target: str
    message: str
    hint: str
    right: str


MISTAKES = (
    Mistake(
        "wrong width",
        "def f(address: u32) -> u8:\n    return address & 0xff\n",
        "address & 0xff",
        "u32 does not fit u8",
        "narrow on purpose: u8(...) traps if it does not fit, truncate(u8, ...) keeps the low bits",
        "def f(address: u32) -> u8:\n    return truncate(u8, address)\n",
    ),
    Mistake(
        "forgotten test for None",
        "def f(node: Node) -> u32:\n    return node.next.value\n",
        "node.next.value",
        "Node | None may be None here",
        "read it into a local, and test that: `next = x.next`, then `if next is not None`",
        "def f(node: Node) -> u32:\n    next = node.next\n    if next is not None:\n"
        "        return next.value\n    return 0\n",
    ),
    Mistake(
        "dict in kernel code",
        "def f(number: u32) -> u32:\n    names = {1: 10, 2: 20}\n    return names[number]\n",
        "{1: 10, 2: 20}",
        "a dict cannot be compiled",
        "use a tuple of constants and a loop, or an Array",
        "NAMES = ((1, 10), (2, 20))\n\n\ndef f(number: u32) -> u32:\n    for key, value in NAMES:\n"
        "        if key == number:\n            return value\n    return 0\n",
    ),
    Mistake(
        "missing annotation",
        "def f(count) -> u32:\n    return count + 1\n",
        "count",
        "the parameter count has no type",
        "annotate it: count: u32",
        "def f(count: u32) -> u32:\n    return count + 1\n",
    ),
    Mistake(
        "import of os",
        "import os\n\n\ndef f() -> u32:\n    return os.cpu_count()\n",
        "os.cpu_count()",
        "os.cpu_count is Python's own, and cannot be compiled",
        "import only codegen.lang and kernel modules; the rest of Python runs at module level, or in @comptime",
        "import os\n\nCPUS = os.cpu_count()\n\n\ndef f() -> u32:\n    return CPUS\n",
    ),
    Mistake(
        "f-string outside of the log",
        'def f(number: u32) -> None:\n    text = f"task {number}"\n',
        'f"task {number}"',
        "an f-string is only the argument of a text sink",
        'write log(f"...")',
        'from kernel.base.log import log\n\n\ndef f(number: u32) -> None:\n    log(f"task {number}")\n',
    ),
    Mistake(
        "closure",
        "def f(amount: u32) -> u32:\n    def add(value: u32) -> u32:\n        return value + amount\n\n"
        "    return add(1)\n",
        "def add(value: u32) -> u32:",
        "a function inside a function cannot be compiled",
        "write it at module level",
        "def add(value: u32, amount: u32) -> u32:\n    return value + amount\n\n\n"
        "def f(amount: u32) -> u32:\n    return add(1, amount)\n",
    ),
    Mistake(
        "user pointer dereferenced",
        "def f(buffer: UserSlice) -> u8:\n    return buffer[0]\n",
        "buffer",
        "UserSlice cannot be indexed",
        "copy it in with kernel/memory/user.py first",
        "from kernel.memory.user import copy_in\n\n\ndef f(buffer: UserSlice) -> Fallible[u8]:\n"
        "    first = local_array(u8, 1)\n    copy_in(first, buffer)\n    return first[0]\n",
    ),
    Mistake(
        "missing Fallible",
        "def f(key: u32) -> u32:\n    return find(key)\n",
        "find(key)",
        "ENOENT can leave this function, which is not Fallible",
        "annotate the result: -> Fallible[u32], or catch it",
        "def f(key: u32) -> Fallible[u32]:\n    return find(key)\n",
    ),
    Mistake(
        "mutable default",
        "def f(number: u32, inner: Inner = Inner()) -> u32:\n    return number + inner.weight\n\n\n"
        "def caller() -> u32:\n    return f(1)\n",
        "Inner()",
        "the default of inner would be one Inner, shared by all calls",
        "make it where it is needed: inner = local(Inner); or give a static by its name",
        "def f(number: u32) -> u32:\n    inner = local(Inner)\n    return number + inner.weight\n",
    ),
)


def test_there_are_ten() -> None:
    assert len(MISTAKES) == 10


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_the_message_points_at_it_and_says_what_to_write(mistake: Mistake) -> None:
    found = refusal(mistake.wrong)
    assert (found.target, found.message, found.hint) == (mistake.target, mistake.message, mistake.hint)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_what_the_hint_says_is_accepted(mistake: Mistake) -> None:
    assert compile_text(mistake.right).roots


def test_arguments_that_nobody_takes_are_refused_when_the_module_is_imported() -> None:
    @struct
    class Plain:
        value: u64 = 7

    with pytest.raises(TypeError, match="Plain takes no arguments"):
        Plain(value=8)
