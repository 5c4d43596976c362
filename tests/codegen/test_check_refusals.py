"""Each refusal of the language: what it says, what the caret stands under, what to write instead."""

from __future__ import annotations

import pytest

from tests.codegen.refusal import refusal

# (source, the text under the carets, words of the message, words of the hint)
INTEGERS = [
    ("def f(a: u64) -> u32:\n    return a", "a", "u64 does not fit u32", "u32(...)"),
    ("def f(a: i32, b: u32) -> u32:\n    return b + a", "b + a", "u32 and i32 differ in sign", "i64(b)"),
    ("def f(a: i32) -> u64:\n    return a", "a", "i32 and u64 differ in sign", "u64(...)"),
    ("def f() -> u8:\n    return 300", "300", "300 does not fit u8", "from 0 to 0xff"),
    ("def f(a: u8) -> u8:\n    return a + 256", "256", "256 does not fit u8", ""),
    ("def f(a: u8) -> u32:\n    return u8(256) + a", "u8(256)", "256 does not fit u8", ""),
    ("def f(a: u32) -> u32:\n    return ~a", "~a", "~ of the unsigned u32", "invert(u32, x)"),
    ("def f(a: u32) -> u32:\n    return -a", "-a", "u32 has no negative", "-i64(x)"),
    ("def f(a: u32) -> u32:\n    return a / 2", "a / 2", "operator / has no integer meaning", "use //"),
    ("def f(a: u32) -> u32:\n    return a ** 2", "a ** 2", "operator ** has no integer meaning", "loop"),
    ("def f(a: u32) -> u32:\n    return a << 32", "32", "count must be from 0 to 31", ""),
    ("def f() -> u32:\n    return 1 // 0", "1 // 0", "division by zero", ""),
    ("def f(a: u32) -> u32:\n    return a + True", "True", "True is not an integer", "u32(x)"),
    ("def f(a: bool) -> u32:\n    return a", "a", "bool is not u32", "u32(...)"),
    ("def f(a: u32) -> bool:\n    return a", "a", "u32 is not bool", "x != 0"),
    ("def f(a: u32) -> u32:\n    if a:\n        return 1\n    return 0", "a", "u32 is not a bool", "x != 0"),
    ("def f(a: u32) -> bool:\n    return a > 1 and a", "a", "u32 is not a bool", "x != 0"),
    ("def f(a: int) -> None:\n    pass", "int", "int is not a type", "u64"),
    ("def f(a: u32) -> u32:\n    return int(a)", "int(a)", "cannot be called", "u64(x)"),
    ("def f(a: u32) -> bool:\n    return bool(a)", "bool(a)", "hides what is asked", "x != 0"),
    ("def f() -> u32:\n    x = 1.5\n    return 0", "1.5", "there is no floating point", "scaled"),
    ("def f(a: u32) -> u32:\n    return align_up(a, 3)", "3", "3 is not a power of two", ""),
    ("def f(a: u32, b: u32) -> bool:\n    return a is b", "a is b", "`is` compares references", "=="),
]

UNITS = [
    ("def f(a: u64) -> PhysAddr:\n    return a", "a", "u64 is not the unit PhysAddr", "PhysAddr(...)"),
    ("def f() -> Fd:\n    return 3", "3", "3 is a plain integer where Fd is wanted", "Fd(3)"),
    (
        "def f(a: PhysAddr) -> VirtAddr:\n    return a",
        "a", "the unit PhysAddr is not the unit VirtAddr", "VirtAddr(u64(x))",
    ),
    (
        "def f(a: PhysAddr, b: VirtAddr) -> u64:\n    return b - a",
        "b - a", "- of two units, VirtAddr and PhysAddr", "u64(x)",
    ),
    (
        "def f(a: PhysAddr, b: VirtAddr) -> bool:\n    return a < b",
        "a < b", "comparison of two units", "u64(x)",
    ),
    ("def f(a: PhysAddr) -> PhysAddr:\n    return a + 4096", "a + 4096", "u64 is not the unit PhysAddr", "PhysAddr("),
    (
        "def f(a: UserAddr) -> u8:\n    return slice_at(u8, a, 1)[0]",
        "a", "UserAddr is never dereferenced", "kernel/memory/user.py",
    ),
    (
        "def f(a: UserAddr) -> Node:\n    return reference(Node, a)",
        "a", "UserAddr is never dereferenced", "kernel/memory/user.py",
    ),
    ("def f(a: UserSlice) -> u8:\n    return a[0]", "a", "UserSlice cannot be indexed", "kernel/memory/user.py"),
]  # fmt: skip

ENUMS = [
    ("def f(a: u8) -> Colour:\n    return a", "a", "u8 is not Colour", "Colour(...)"),
    ("def f() -> Colour:\n    return Colour(9)", "Colour(9)", "9 is not a member of Colour", ""),
    (
        "def f(a: Colour) -> u32:\n    match a:\n        case Colour.RED:\n            return 1",
        "a", "the match over Colour lacks GREEN", "case _:",
    ),
    (
        "def f(a: Colour) -> u32:\n    match a:\n        case Colour.RED:\n            return 1\n"
        "        case Colour.RED:\n            return 2\n        case _:\n            return 3",
        "Colour.RED", "this case comes twice", "",
    ),
    ("def f(a: Entry) -> None:\n    a.present = True", "a.present", "Entry is immutable", "replace("),
    (
        "def f() -> None:\n    NODE.entry.present = True",
        "NODE.entry.present", "Entry is immutable", "replace(value, present=...)",
    ),
    ("def f() -> Entry:\n    return Entry(dirty=True)", "True", "Entry has no field dirty", ""),
    ("def f(a: u64) -> Entry:\n    return Entry(a)", "Entry(a)", "built by field names", "from_raw"),
    ("def f(a: u64) -> Entry:\n    return Entry(frame=a)", "a", "u64 is not the unit FrameNumber", "FrameNumber("),
    ("def f(a: Entry) -> u64:\n    return u64(a)", "u64(a)", "Entry is not an integer", "to_raw"),
    ("def f(a: Entry) -> u64:\n    return a + 1", "a", "Entry is not an integer", "to_raw"),
    ("def f(a: Entry, b: Entry) -> bool:\n    return a < b", "a < b", "Entry has no order", "field"),
]  # fmt: skip

OBJECTS = [
    ("def f() -> None:\n    x = Node()", "Node()", "cannot be made by calling it", "local(Node)"),
    ("def f(a: Node) -> u32:\n    return a.weight", "a.weight", "Node has no attribute weight", "value"),
    ("def f(a: Node) -> None:\n    a.weight = 1", "a.weight", "Node has no field weight", ""),
    ("def f(a: Node, b: Inner) -> None:\n    a.inner = b", "a.inner", "never copied", "one by one"),
    ("def f(a: Node, b: Node) -> None:\n    a.name = b.name", "a.name", "never copied", "copy()"),
    ("def f(a: Node) -> None:\n    a.count = 1", "a.count", "set by its methods", "store()"),
    ("def f(a: Node) -> u32:\n    return a.count", "a.count", "an Atomic is a place", "load()"),
    ("def f(a: Node) -> u32:\n    return a.count.add(1)", "a.count.add", "no method add", "fetch_add"),
    ("def f(a: Node, b: Node) -> bool:\n    return a == b", "a == b", "it has an identity", "`is`"),
    ("def f(a: Node) -> bool:\n    return a is NODE.inner", "a is NODE.inner", "Node is never Inner", ""),
    ("def f() -> Node:\n    return local(Node)", "local(Node)", "may not outlive the function", "heap.new"),
    (
        "def f() -> Node:\n    x = local(Node)\n    x.value = 2\n    return x",
        "x", "may not outlive the function", "heap.new",
    ),
    (
        "def f() -> None:\n    x = local(Node)\n    NODE.next = x",
        "x", "may not outlive the function", "heap.new",
    ),
    (
        "def f() -> Slice[u8]:\n    x = local_array(u8, 16)\n    return x[2:4]",
        "x[2:4]", "may not outlive the function", "",
    ),
    (
        "def f(a: Node) -> Callable[[], u32]:\n    return a.double",
        "a.double", "a bound method is not a value", "call it",
    ),
    ("def f(a: Node) -> u32:\n    return a.double(1)", "1", "takes 1 arguments, 2 are given", ""),
    ("def f() -> u32:\n    return find()", "find()", "lacks the argument key: u32", ""),
    ("def f() -> u32:\n    return find(keys=1)", "find(keys=1)", "lacks the argument key", ""),
    ("def f(a: Node) -> u32:\n    return a()", "a()", "Node cannot be called", ""),
    ("def f(a: Array[u8]) -> None:\n    pass", "Array[u8]", "a place inside a struct", "Slice"),
    (
        "def f(a: Node) -> Inner:\n    with a:\n        pass\n    return a.inner",
        "a", "not a context manager", "__enter__",
    ),
]  # fmt: skip

SLICES = [
    ("def f(a: Slice[u8]) -> None:\n    a[0] = 1", "a[0]", "Slice[u8] is read-only", "MutableSlice"),
    ("def f(a: Slice[u8]) -> u8:\n    return a[-1]", "-1", "the index -1 is negative", "len(s) - 1"),
    ("def f(a: Slice[u8], i: i64) -> u8:\n    return a[i]", "i", "the index is i64", "u64(...)"),
    ("def f(a: Slice[u8]) -> Slice[u8]:\n    return a[::2]", "2", "a slice has no step", "loop"),
    ("def f(a: MutableSlice[u8]) -> None:\n    a[0:2] = b'ab'", "a[0:2]", "cannot be assigned", "copy("),
    ("def f(a: Slice[u8]) -> None:\n    fill(a, 0)", "a", "read-only", "MutableSlice"),
    ("def f(a: Slice[u8]) -> MutableSlice[u8]:\n    return a", "a", "is read-only", "MutableSlice"),
    ("def f(a: Slice[u8], b: Slice[u8]) -> bool:\n    return a < b", "a < b", "slices have no order", ""),
    ("def f(a: Slice[u8]) -> bool:\n    return 3 in a", "3 in a", "`in` cannot search", "loop"),
    ("def f(a: Slice[u8]) -> u64:\n    if a:\n        return 1\n    return 0", "a", "is not a bool", "len(x) != 0"),
    ("def f() -> Slice[u8]:\n    return 'text'", "'text'", "str 'text' where Slice[u8] is wanted", 'b"..."'),
]

NULL = [
    ("def f(a: Node | None) -> u32:\n    return a.value", "a.value", "Node | None may be None", "is not None"),
    ("def f(a: Node | None) -> Node:\n    return a", "a", "may be None where Node is wanted", "is None"),
    ("def f() -> u32:\n    return maybe(1).value", "maybe(1).value", "may be None here", "is not None"),
    (
        "def f(a: Node | None) -> u32:\n    while a is not None:\n        a = a.next\n    return a.value",
        "a.value", "may be None", "",
    ),
    (
        "def f(a: Node) -> u32:\n    if a.next is not None:\n        return a.next.value\n    return 0",
        "a.next.value", "may be None", "",
    ),
    (
        "def f(a: Node | None) -> u32:\n    if a is None or a.value == 0:\n        return a.value\n    return 0",
        "a.value", "may be None", "",
    ),
    ("def f() -> None:\n    x = None", "x", "x has no type yet", "x: Thread | None = None"),
    ("def f(a: u32 | None) -> None:\n    pass", "u32", "only references, interfaces and functions", "raise"),
    ("def f(a: u32) -> bool:\n    return a is None", "a", "u32 is never None", ""),
    ("def f(a: Node) -> None:\n    a.owner = None", "None", "None where Inner is wanted", "Inner | None"),
]  # fmt: skip

FAILURE = [
    ("def f() -> u32:\n    raise ENOENT", "raise ENOENT", "ENOENT can leave this function", "Fallible[u32]"),
    ("def f() -> u32:\n    return find(1)", "find(1)", "ENOENT can leave this function", "Fallible[u32]"),
    ("def f(a: Node) -> None:\n    a.fail()", "a.fail()", "EINVAL can leave this function", "Fallible[None]"),
    (
        "def f() -> u32:\n    try:\n        return find(1)\n    except EINVAL:\n        return 0",
        "find(1)", "ENOENT can leave this function", "catch it",
    ),
    (
        "def f() -> u32:\n    try:\n        return find(1)\n    except Errno:\n        raise",
        "raise", "ENOENT can leave this function", "",
    ),
    (
        "def f(g: Callable[[], Fallible[u32]]) -> u32:\n    return g()",
        "g()", "an Errno can leave this function", "",
    ),
    ("def f() -> Fallible[None]:\n    raise ValueError", "ValueError", "cannot be raised", "raise ENOENT"),
    ("def f() -> Fallible[None]:\n    raise Errno", "Errno", "cannot be raised", "raise ENOENT"),
    ("def f() -> Fallible[None]:\n    raise", "raise", "a bare raise stands in an except", ""),
    (
        "def f() -> None:\n    try:\n        pass\n    except ValueError:\n        pass",
        "ValueError", "only an Errno", "except ENOENT",
    ),
    (
        "def f() -> None:\n    try:\n        pass\n    except:\n        pass",
        "except:", "a bare except", "except Errno:",
    ),
    ("def f() -> None:\n    on_error(release, 1)", "on_error(release, 1)", "stands in a with", "with on_error"),
    ("def f() -> None:\n    with on_error(find, 1):\n        pass", "find", "may not be Fallible", "catch"),
    ("def f(a: Node) -> None:\n    with deferred(a.fail):\n        pass", "a.fail", "may not be Fallible", ""),
    ("def f(a: u32) -> None:\n    assert a == 1, a", "a", "the text of a trap is a literal", "log("),
    ("def f(a: u32) -> Never:\n    panic(f'{a}')", "f'{a}'", "the text of a trap is a literal", ""),
    ("def f(a: u32) -> Never:\n    release(a)", "def f", "its end can be reached", ""),
    (
        "def f(a: u32) -> u32:\n    if a == 1:\n        return 2",
        "def f", "the end of the function can be reached", "every path",
    ),
    ("@export\ndef f() -> Fallible[None]:\n    raise ENOENT", "def f", "may not be Fallible", "number"),
]  # fmt: skip

PYTHON = [
    (
        "def f() -> None:\n    global SMALL\n    SMALL = 6",
        "global SMALL", "rebinding a global", "module-level struct",
    ),
    ("def f() -> None:\n    def g() -> None:\n        pass", "def g() -> None:", "a function inside", "module level"),
    ("def f() -> None:\n    class A:\n        pass", "class A:", "a class inside a function", "module level"),
    ("def f() -> None:\n    x = lambda: 1", "lambda: 1", "a lambda", "module-level function"),
    ("def f() -> None:\n    x = [1, 2]", "[1, 2]", "a list cannot be compiled", "Array"),
    ("def f() -> None:\n    x = {1: 2}", "{1: 2}", "a dict cannot be compiled", "Array"),
    ("def f() -> None:\n    x = {1, 2}", "{1, 2}", "a set cannot be compiled", "IntFlag"),
    ("def f() -> None:\n    x = [a for a in TABLE]", "[a for a in TABLE]", "a comprehension", "loop"),
    ("def f() -> None:\n    eval('1')", "eval('1')", "eval cannot be compiled", "module level"),
    ("def f() -> None:\n    print(1)", "print(1)", "print cannot be compiled", "log("),
    ("def f(*a: u32) -> None:\n    pass", "a: u32", "*args and **kwargs", "name each"),
    ("def f(**a: u32) -> None:\n    pass", "a: u32", "*args and **kwargs", "name each"),
    ("def f() -> None:\n    release(*TABLE)", "*TABLE", "unpacking with *", "name each"),
    ("def f(a: u32) -> None:\n    x = f'{a}'", "f'{a}'", "f-string is only the argument of a text sink", "log("),
    ("def f(a: str) -> None:\n    pass", "str", "str is not a type", "Slice[u8]"),
    ("def f(a: float) -> None:\n    pass", "float", "float is not a type", "scaled"),
    ("def f(a) -> None:\n    pass", "a", "the parameter a has no type", "annotate"),
    ("def f(a: u32):\n    pass", "def f", "f has no result type", "-> None"),
    ("def f() -> None:\n    del NODE.value", "del NODE.value", "del cannot be compiled", "heap.free"),
    ("def f() -> u32:\n    return missing", "missing", "the name missing is not defined", ""),
    ("def f(a: Missing) -> None:\n    pass", "Missing", "the name Missing is not defined", ""),
    (
        "def f(a: u32) -> u32:\n    if a == 1:\n        x = a\n    return x",
        "x", "x may not be set here", "every path",
    ),
    (
        "@comptime\ndef g(a: int) -> int:\n    return a\ndef f(a: u64) -> u64:\n    return g(a)",
        "a", "known only at run time", "",
    ),
    (
        "@comptime\ndef g() -> int:\n    return [][0]\ndef f() -> u64:\n    return g()",
        "g()", "failed while compiling: IndexError", "",
    ),
    ("def f(a: u32) -> u32:\n    return (lambda: a)()", "lambda: a", "a lambda", ""),
    ("def f() -> None:\n    TABLE.x = 1", "TABLE.x", "x of a constant cannot be set", "module-level struct"),
    ("def f() -> u32:\n    for x in NODE:\n        pass\n    return 0", "NODE", "a for cannot go over Node", ""),
    (
        "def f(a: u64) -> None:\n    for i in range(0, 10, a):\n        pass",
        "a", "step of a range is a constant", "while",
    ),
    ("def f(a: u64) -> u64:\n    x = range(a)\n    return 0", "range(a)", "a for goes over", "for i in range"),
    ("def g() -> Iterator[u32]:\n    yield 1\ndef f() -> None:\n    g()", "g()", "does nothing by itself", "for"),
    ("def g() -> Iterator[u32]:\n    yield 1\ndef f() -> None:\n    x = g()", "g()", "gives no value", "for"),
    (
        "async def g() -> None:\n    pass\ndef f() -> None:\n    async def h() -> None:\n        pass",
        "async def h() -> None:", "async", "wait queue",
    ),
]  # fmt: skip

GENERICS = [
    (
        "def g(a: Slice[T]) -> u64:\n    return len(a)\ndef f(a: u32) -> u64:\n    return g(a)",
        "a", "u32 where Slice[T] is wanted", "",
    ),
    (
        "def g(kind: type[T]) -> u64:\n    return size_of(kind)\ndef f() -> u64:\n    return g(3)",
        "3", "3 is not a type", "",
    ),
    (
        "@struct\nclass Box(Generic[T]):\n    item: T | None = None\ndef f(a: Box) -> None:\n    pass",
        "Box", "Box is generic", "Box[T]",
    ),
    (
        "@struct\nclass Blob(Shape):\n    x: u32 = 0\nBLOB = Blob()\ndef g(s: Shape) -> u32:\n    return s.area()\n"
        "def f() -> u32:\n    return g(BLOB)",
        "def area", "Blob does not implement Shape.area", "class Blob",
    ),
    ("def f(s: Shape) -> bool:\n    return isinstance(s, Node)", "Node", "not a struct that implements Shape", ""),
    ("def f(s: Node | None) -> bool:\n    return isinstance(s, Node)", "s", "isinstance asks a reference", "None"),
    ("def f(s: Shape) -> u32:\n    return s.volume()", "s.volume", "the interface Shape has no method volume", ""),
    (
        "def f(s: Shape) -> u32:\n    match s:\n        case Square(side=1):\n            return 1\n    return 0",
        "Square(side=1)", "class pattern with parts", "",
    ),
    ("def f(g: Callable[[u32], None]) -> None:\n    g()", "g()", "takes 1 arguments", ""),
    ("def f() -> Callable[[], None]:\n    return release", "release", "is wanted", ""),
]  # fmt: skip

LAYOUT = [
    (
        "@struct(size=8)\nclass Big:\n    a: u64 = 0\n    b: u64 = 0\ndef f(a: Big) -> u64:\n    return a.b",
        "class Big", "Big takes 16 bytes, not 8", "size=",
    ),
    (
        "@struct\nclass Bad:\n    a: tuple[u8, u8] = (1, 2)\ndef f(a: Bad) -> None:\n    a.a = (1, 2)",
        "tuple[u8, u8]", "cannot be stored", "",
    ),
    (
        "@struct\nclass Bad:\n    a: Array[u8] = b''\ndef f(a: Bad) -> u8:\n    return a.a[0]",
        "Array[u8]", "stands in its initialiser", "",
    ),
    (
        "def f() -> u64:\n    return offset_of(Node, 'missing')",
        "offset_of(Node, 'missing')", "Node has no field missing", "",
    ),
]  # fmt: skip

SINK = """
@struct
@text_sink
class Sink:
    used: u64 = 0

    def __call__(self, message: str) -> None: ...
    def begin(self) -> None: ...
    def end(self) -> None: ...
    def text(self, part: Slice[u8]) -> None: ...
    def unsigned(self, value: u64) -> None: ...
    def signed(self, value: i64) -> None: ...
    def hexadecimal(self, value: u64) -> None: ...


log = Sink()
"""

TEXT = [
    (SINK + "def f(a: Node) -> None:\n    log(f'{a}')", "a", "Node cannot be shown", "Slice[u8]"),
    (SINK + "def f(a: u32) -> None:\n    log(f'{a:08x}')", "a", "the format 08x is not known", "{x:#x}"),
    (SINK + "def f(a: Slice[u8]) -> None:\n    log(a)", "a", "takes one literal or f-string", "log("),
    (
        SINK + "def f(a: u32) -> None:\n    log('x') if a == 1 else log('y')",
        "log('x')", "is a statement of its own", "out of the expression",
    ),
]  # fmt: skip

REST = [
    (
        "def g() -> Iterator[u32]:\n    try:\n        yield 1\n    except ENOENT:\n        pass\n"
        "def f() -> None:\n    for x in g():\n        pass",
        "yield 1", "a yield inside a try with handlers", "yield after it",
    ),
    (
        "def g() -> Iterator[u32]:\n    yield 1\n    return 3\ndef f() -> None:\n    for x in g():\n        pass",
        "return 3", "an iterator returns no value", "",
    ),
    (
        "def g() -> Iterator[u32]:\n    for x in g():\n        yield x\n"
        "def f() -> None:\n    for x in g():\n        pass",
        "g()", "g goes over itself", "inlined",
    ),
    (
        "def f(g: Callable[[Node], None]) -> i64:\n    return invoke_registers(g, NODE, 0, 0, 0, 0, 0, 0)",
        "g", "calls a function that is known while compiling", "unrolls",
    ),
    (
        "def g(a: Node, b: Node) -> None:\n    pass\n"
        "def f() -> i64:\n    return invoke_registers(g, NODE, 0, 0, 0, 0, 0, 0)",
        "def g", "the parameter b: Node does not fit a register", "",
    ),
    ("def f(a: Node) -> u32:\n    return getattr(a, 'value')", "getattr(a, 'value')", "getattr cannot", "attribute"),
    ("def f(a: Colour) -> u32:\n    return a.weight", "a.weight", "Colour has no attribute weight", ""),
    ("def f() -> Colour:\n    return Colour.BLUE", "Colour.BLUE", "Colour has no attribute BLUE", ""),
    ("def f(a: Slice[u8]) -> None:\n    copy(b'x', a)", "b'x'", "read-only", "MutableSlice"),
    ("def f() -> None:\n    x = local(u32)", "u32", "local makes a struct, not u32", ""),
    ("def f(n: u64) -> None:\n    x = local_array(u8, n)", "n", "length of a local_array is a constant", ""),
    ("def f(a: u32) -> None:\n    x, y = a", "x, y", "u32 cannot be taken apart", "tuples"),
    ("def f() -> None:\n    x, y = 1, 2, 3", "1, 2, 3", "3 values for 2 names", ""),
    ("def f(a: u32, i: u64) -> u32:\n    return (a, a)[i]", "i", "indexed by a constant only", "a, b = ..."),
    ("def f(i: u64) -> u64:\n    return (1, b'x')[i]", "(1, b'x')", "different types", ""),
    (
        "def f(a: u32) -> u32:\n    x: u32 = a\n    x: u64 = 2\n    return x",
        "u64", "x is u32 already", "another name",
    ),
    (
        "def f(a: u32) -> u32:\n    match a:\n        case [1, 2]:\n            return 1\n    return 2",
        "[1, 2]", "a case is a constant", "if",
    ),
    ("def f() -> None:\n    NODE.count.load(order=1)", "1", "the order is a constant", "Order.ACQUIRE"),
    (
        "def g(a: T) -> T:\n    return a\ndef f() -> None:\n    x: Callable[[u32], u32] = g",
        "g", "g is generic", "call it directly",
    ),
    ("def f() -> Never:\n    return 1", "1", "1 where Never is wanted", ""),
    ("def f() -> None:\n    return 1", "1", "u64 is returned by a function that returns None", ""),
]  # fmt: skip

CASES = [*INTEGERS, *UNITS, *ENUMS, *OBJECTS, *SLICES, *NULL, *FAILURE, *PYTHON, *GENERICS, *LAYOUT, *TEXT, *REST]


@pytest.mark.parametrize(("source", "target", "message", "hint"), CASES, ids=[case[2] for case in CASES])
def test_refusal(source: str, target: str, message: str, hint: str) -> None:
    found = refusal(source)
    assert message in found.message, str(found)
    assert found.target == target, str(found)
    assert hint in found.hint, str(found)
