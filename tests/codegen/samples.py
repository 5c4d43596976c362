"""Functions in the kernel language for test_run.py: one for each way that a value goes in or comes out."""

from __future__ import annotations

from codegen.lang import (
    Array,
    Atomic,
    Fallible,
    IntEnum,
    Interface,
    MutableSlice,
    PhysAddr,
    Slice,
    UserAddr,
    UserSlice,
    array,
    bit,
    bits,
    i32,
    inline,
    inline_array,
    replace,
    struct,
    u8,
    u16,
    u32,
    u64,
    uninitialised,
    width,
)
from kernel.base.errno import EINVAL, ENOENT


@width(u8)
class Colour(IntEnum):
    RED = 1
    GREEN = 2


@bits(u16)
class Pair:
    low: u8 = bits(0, 8)
    flag: bool = bit(15)


@struct
class Inner:
    weight: u16 = 3


@struct
class Node:
    value: i32 = 0
    colour: Colour = Colour.RED
    next: Node | None = None
    owner: Node = uninitialised()
    inner: Inner = inline()
    many: Array[Inner] = inline_array(3)
    cells: Array[u8] = array(4)
    count: Atomic[u32] = inline()
    pair: Pair = Pair(low=7)


class Area(Interface):
    """Anything with an area."""

    def area(self) -> u64: ...


@struct
class Square(Area):
    side: u64 = 0

    def area(self) -> u64:
        return self.side * self.side


@struct
class Rectangle(Area):
    width: u64 = 0
    height: u64 = 0

    def area(self) -> u64:
        return self.width * self.height


TOTALS = Node()
SQUARE = Square()
RECTANGLE = Rectangle()


def add(a: u8, b: u8) -> u8:
    return a + b


def negate(a: i32) -> i32:
    return -a


def is_even(a: u64) -> bool:
    return a % 2 == 0


def other(colour: Colour) -> Colour:
    match colour:
        case Colour.RED:
            return Colour.GREEN
        case Colour.GREEN:
            return Colour.RED


def raise_flag(pair: Pair) -> Pair:
    return replace(pair, flag=True)


def next_page(address: PhysAddr) -> PhysAddr:
    return PhysAddr(address + 4096)


def divide(a: u64, b: u64) -> Fallible[u64]:
    if b == 0:
        raise EINVAL
    if a < b:
        raise ENOENT
    return a // b


def check_only(a: u64) -> Fallible[None]:
    if a == 0:
        raise EINVAL


def total(content: Slice[u8]) -> u32:
    total: u32 = 0
    for byte in content:
        total += byte
    return total


def at(content: Slice[u8], index: u64) -> u8:
    return content[index]


def middle(content: Slice[u8]) -> Slice[u8]:
    return content[1 : len(content) - 1]


def zero_first(content: MutableSlice[u8]) -> None:
    content[0] = 0


def split(a: u64) -> tuple[u64, bool]:
    return a // 10, a % 10 == 0


def length_of(range_: UserSlice) -> u64:
    return range_.length


def shorter(range_: UserSlice) -> UserSlice:
    return UserSlice(UserAddr(range_.address + 1), range_.length - 1)


def change(node: Node) -> i32:
    """Change a field of every kind."""
    node.value += 1
    node.colour = Colour.GREEN
    node.inner.weight += 1
    node.many[2].weight = 9
    node.cells[1] = 200
    node.count.fetch_add(5)
    node.pair = replace(node.pair, flag=True)
    following = node.next
    if following is not None:
        following.value = 77
        following.next = node
        node.next = None
        node.owner = following
    return node.value


def length(node: Node | None) -> u32:
    count: u32 = 0
    while node is not None:
        count += 1
        node = node.next
    return count


def last(node: Node) -> Node:
    following = node.next
    while following is not None:
        node = following
        following = node.next
    return node


def owner_of(node: Node) -> Node:
    return node.owner


def area_of(shape: Area) -> u64:
    return shape.area()


def areas() -> u64:
    SQUARE.side = 3
    RECTANGLE.width = 2
    RECTANGLE.height = 5
    return area_of(SQUARE) + area_of(RECTANGLE)


def count_up() -> i32:
    TOTALS.value += 1
    return TOTALS.value


def totals() -> Node:
    return TOTALS


def must_be_small(a: u64) -> u64:
    assert a < 10, "a is too big"
    return a


def outer(a: u64) -> u64:
    return must_be_small(a) + 1
