"""Expressions, and the places that can be read, stored to and have their address taken."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from codegen.tree.names import Function, Local, Location, Static
from codegen.types import Type

if TYPE_CHECKING:
    from codegen.lang import Order, TrapKind
    from codegen.tree.statements import Interface

__all__ = [
    "AddressOf", "ArraySlice", "Atomic", "AtomicOperator", "Binary", "BinaryOperator", "Call", "CallInterface",
    "CallValue", "Compare", "CompareOperator", "Conditional", "Constant", "Construct", "Conversion", "Convert",
    "CopySlice", "Element", "Expression", "Field", "FillSlice", "FunctionAddress", "IsInstance", "Let", "Logical",
    "MakeSlice", "MakeTuple", "Node", "Place", "Read", "ReadLocal", "SliceAddress", "SliceEqual", "SliceLength",
    "SliceView", "StackStorage", "StaticAddress", "StaticPlace", "Subslice", "SymbolAddress", "Text",
    "TrapExpression", "TupleElement", "Typed", "Unaligned", "Unary", "UnaryOperator",
]  # fmt: skip


@dataclass(eq=False, slots=True)
class Node:
    location: Location


@dataclass(eq=False, slots=True)
class Typed(Node):
    type: Type


@dataclass(eq=False, slots=True)
class Constant(Typed):
    """An integer-like value, or 0 of an OptionalType: None. Bits and enums are their raw integer."""

    value: int


@dataclass(eq=False, slots=True)
class Text(Typed):
    """`Slice[u8]` of constant bytes."""

    data: bytes


@dataclass(eq=False, slots=True)
class StaticAddress(Typed):
    """A reference to a static struct (StructType), or the address of any static as u64."""

    static: Static


@dataclass(eq=False, slots=True)
class FunctionAddress(Typed):
    function: Function


@dataclass(eq=False, slots=True)
class SymbolAddress(Typed):
    """The address of a symbol that the link defines, as u64."""

    symbol: str


@dataclass(eq=False, slots=True)
class ReadLocal(Typed):
    local: Local


@dataclass(eq=False, slots=True)
class Read(Typed):
    """The value at a place. `trap` is NULL when a reference is read that may not have been set."""

    place: Place
    trap: TrapKind | None = None


@dataclass(eq=False, slots=True)
class AddressOf(Typed):
    """The reference (StructType) to an embedded struct, or the address of any place as u64."""

    place: Place


class BinaryOperator(Enum):
    ADD, SUBTRACT, MULTIPLY = "+", "-", "*"  # trap OVERFLOW, or wrap
    FLOOR_DIVIDE, MODULO = "//", "%"  # trap DIVISION on zero, OVERFLOW on MIN // -1; floors when signed
    SHIFT_LEFT, SHIFT_RIGHT = "<<", ">>"  # right operand: unsigned, any width; trap SHIFT; wrapping: count & (bits - 1)
    AND, OR, XOR = "&", "|", "^"
    MINIMUM, MAXIMUM = "min", "max"
    SATURATING_SUBTRACT = "saturating -"


@dataclass(eq=False, slots=True)
class Binary(Typed):
    """Both operands have `type`, except the count of a shift."""

    operator: BinaryOperator
    left: Expression
    right: Expression
    trap: TrapKind | None = None


class UnaryOperator(Enum):
    NEGATE = "-"  # trap OVERFLOW
    COMPLEMENT = "~"
    NOT = "not"  # of a bool
    COUNT_TRAILING_ZEROS = "count_trailing_zeros"  # of 0: the width
    COUNT_LEADING_ZEROS = "count_leading_zeros"
    POPULATION_COUNT = "population_count"


@dataclass(eq=False, slots=True)
class Unary(Typed):
    operator: UnaryOperator
    operand: Expression
    trap: TrapKind | None = None


class CompareOperator(Enum):
    EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL = "==", "!=", "<", "<=", ">", ">="


@dataclass(eq=False, slots=True)
class Compare(Typed):
    """Operands of one type: integer-like (its signedness decides), or pointers by EQUAL and NOT_EQUAL (`is`)."""

    operator: CompareOperator
    left: Expression
    right: Expression


@dataclass(eq=False, slots=True)
class SliceEqual(Typed):
    """Two `Slice[u8]` hold the same bytes."""

    left: Expression
    right: Expression


@dataclass(eq=False, slots=True)
class Logical(Typed):
    """`and` (is_and) or `or` of bools; the right operand is evaluated only if needed."""

    is_and: bool
    left: Expression
    right: Expression


@dataclass(eq=False, slots=True)
class Conditional(Typed):
    test: Expression
    then: Expression
    otherwise: Expression


@dataclass(eq=False, slots=True)
class Let(Typed):
    """Assign `value` to `local`, then evaluate `body`."""

    local: Local
    value: Expression
    body: Expression


class Conversion(Enum):
    WIDEN = "widen"  # integer-like to a larger one: zero-extended, or sign-extended when the source is signed
    NARROW = "narrow"  # any integer-like to any: the value must fit the target; trap NARROWING
    TRUNCATE = "truncate"  # keep the low bits, or extend by the source's sign
    RETYPE = "retype"  # same representation: int and unit, enum, bits of one width; references; MutableSlice to Slice
    TO_ENUM = "to_enum"  # integer of the enum's width: must be a member's value; trap ENUM (never a flag enum's)
    ADDRESS_TO_REFERENCE = "address_to_reference"  # u64 to a reference
    REFERENCE_TO_ADDRESS = "reference_to_address"  # reference (or function) to u64


@dataclass(eq=False, slots=True)
class Convert(Typed):
    conversion: Conversion
    operand: Expression
    trap: TrapKind | None = None


@dataclass(eq=False, slots=True)
class MakeTuple(Typed):
    """A TupleType value, or a UserSliceType one from (address: u64, length: u64)."""

    elements: list[Expression]


@dataclass(eq=False, slots=True)
class TupleElement(Typed):
    """Also the address (0) and length (1) of a UserSlice."""

    tuple: Expression
    index: int


@dataclass(eq=False, slots=True)
class MakeSlice(Typed):
    """A slice of `length` elements at `address` (both u64); nothing is checked."""

    address: Expression
    length: Expression


@dataclass(eq=False, slots=True)
class ArraySlice(Typed):
    """All of an array place, as a slice; the length is a constant."""

    place: Place
    length: int


@dataclass(eq=False, slots=True)
class SliceLength(Typed):
    slice: Expression


@dataclass(eq=False, slots=True)
class SliceAddress(Typed):
    """The address of element 0 as u64."""

    slice: Expression


@dataclass(eq=False, slots=True)
class Subslice(Typed):
    """`slice[start:stop]`, u64 or absent; traps BOUNDS unless start <= stop <= length."""

    slice: Expression
    start: Expression | None
    stop: Expression | None
    trap: TrapKind


@dataclass(eq=False, slots=True)
class SliceView(Typed):
    """A `MutableSlice[u8]` seen as wider elements; traps BOUNDS when misaligned or not a whole number of them."""

    slice: Expression
    trap: TrapKind


@dataclass(eq=False, slots=True)
class StackStorage(Typed):
    """Fresh storage in the frame (one place per node, in the entry block), as a reference or u64; not cleared."""

    size: int
    alignment: int


@dataclass(eq=False, slots=True)
class Construct(Typed):
    """Set the `size` bytes at `address` (u64 or reference) from `template` (zeros if None).

    Gives the reference to the struct there; of type u64, for a local_array: the address."""

    address: Expression
    size: int
    template: Static | None


@dataclass(eq=False, slots=True)
class Call(Typed):
    """A direct call; it fails as `function.fallible` says."""

    function: Function
    arguments: list[Expression]


@dataclass(eq=False, slots=True)
class CallValue(Typed):
    """A call through a value of FunctionType."""

    function: Expression
    arguments: list[Expression]
    fallible: bool


@dataclass(eq=False, slots=True)
class CallInterface(Typed):
    """Call slot `slot` (8 bytes each) of the vtable that the first word of `receiver` points to.

    The receiver is the first argument. `only` is the function when there is just one that it can be: call it directly.
    """

    receiver: Expression
    interface: Interface
    slot: int
    arguments: list[Expression]
    fallible: bool
    parameters: list[Type]  # of the arguments after the receiver
    only: Function | None = None


@dataclass(eq=False, slots=True)
class IsInstance(Typed):
    """The first word of `receiver` is the address of `vtable`."""

    receiver: Expression
    vtable: Static


class AtomicOperator(Enum):
    LOAD, STORE, EXCHANGE, ADD, SUBTRACT, OR, AND = "load", "store", "exchange", "add", "subtract", "or", "and"
    COMPARE_EXCHANGE = "compare_exchange"  # operands: expected, new; gives a bool


@dataclass(eq=False, slots=True)
class Atomic(Typed):
    """An atomic operation on the place of an AtomicType; gives the old value (STORE: nothing)."""

    operator: AtomicOperator
    place: Place
    operands: list[Expression]
    order: Order


@dataclass(eq=False, slots=True)
class CopySlice(Typed):
    """memmove between slices of one element type; traps BOUNDS unless the lengths are equal."""

    destination: Expression
    source: Expression
    trap: TrapKind


@dataclass(eq=False, slots=True)
class FillSlice(Typed):
    """Set each element of the slice; memset for bytes and for zero."""

    destination: Expression
    value: Expression


@dataclass(eq=False, slots=True)
class TrapExpression(Typed):
    """Never returns. `message` (Slice[u8]) is given to `trap_message` first."""

    trap: TrapKind
    message: Expression | None


# Places: what can be read, stored to, and have its address taken --------------------------------------


@dataclass(eq=False, slots=True)
class Field(Typed):
    """The field at `offset` of the struct that `base` refers to; `volatile` for a device register."""

    base: Expression
    name: str
    offset: int
    volatile: bool = False


@dataclass(eq=False, slots=True)
class Element(Typed):
    """Element `index` (u64) of a slice; traps BOUNDS. `type` is the element's, an EmbeddedType for structs."""

    slice: Expression
    index: Expression
    trap: TrapKind | None


@dataclass(eq=False, slots=True)
class StaticPlace(Typed):
    """A static array, or a static Atomic."""

    static: Static


@dataclass(eq=False, slots=True)
class Unaligned(Typed):
    """A little-endian integer at byte `offset` (u64) of a `Slice[u8]`, at any alignment; traps BOUNDS."""

    slice: Expression
    offset: Expression
    trap: TrapKind


Place = Field | Element | StaticPlace | Unaligned
Expression = (
    Constant | Text | StaticAddress | FunctionAddress | SymbolAddress | ReadLocal | Read | AddressOf | Binary |
    Unary | Compare | SliceEqual | Logical | Conditional | Let | Convert | MakeTuple | TupleElement |
    MakeSlice | ArraySlice | SliceLength | SliceAddress | Subslice | SliceView | StackStorage | Construct |
    Call | CallValue | CallInterface | IsInstance | Atomic | CopySlice | FillSlice | TrapExpression
)  # fmt: skip
