"""The typed, desugared tree: what the front of the compiler hands to `lower.py`.

Nothing in it has to be looked up, inferred or converted implicitly:

- Names are `Local`, `Static` and `Function` objects (compared by identity); generics are instantiated;
  constants are folded; `yield` iterators are inlined; properties, operators of classes and f-strings are calls.
- An expression has a `type` and is evaluated once, operands left to right. Every conversion is a `Convert`.
- A checked operation names the `trap` it takes when it fails; `None` means that it wraps or cannot fail.
- Control leaves a statement only by `Return`, `Raise`, `Break` to an enclosing label, a trap, or a failing call
  (`Call*` with `fallible`), which goes to the nearest enclosing `Try`, or out of the function.
- `Cleanup` and `Try` are structured: `lower.py` runs each cleanup on every way out that passes it, innermost first.
- Reading a local whose declared type is `T | None` as a `T` (after a test) is a `ReadLocal` of type T: both are one pointer.
- An array is indexed through the slice of all of it (`ArraySlice`), so `Element` is the only indexed place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from codegen.types import Type

if TYPE_CHECKING:
    from codegen.lang import Order, TrapKind


class Location(NamedTuple):
    """Where a node was written; lines count from 1, columns (UTF-8 bytes) from 0, `end_column` is past the end."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    function: str


# Things that names stand for ------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class Local:
    """A parameter or variable of one function; assigned by value, its address is never taken.

    A name that begins with a dot is the compiler's own: a debugger does not show it.
    """

    name: str
    type: Type


@dataclass(eq=False, slots=True)
class Label:
    """The end of a `Block` or `Loop`; two labels are the same only if they are the same object."""

    name: str


class StaticKind(Enum):
    DATA = "data"  # storage the program may write: .data, or .bss when all zero
    CONSTANT = "constant"  # tables, text, templates of structs: .rodata
    VTABLE = "vtable"  # the functions of one struct, in slot order, null where it has none: .rodata


class Relocation(NamedTuple):
    """The 8 bytes at `offset` hold the address of `target` plus `addend`."""

    offset: int
    target: Static | Function
    addend: int


@dataclass(eq=False, slots=True)
class Static:
    """An object with an address that exists before the program starts."""

    symbol: str
    module: str
    kind: StaticKind
    size: int
    alignment: int
    image: bytes = b""  # `size` bytes, or empty when all are zero and there are no relocations
    relocations: list[Relocation] = field(default_factory=list)
    type: Type | None = None  # EmbeddedType or ArrayType, for the inspector
    host: object = None  # the module-level object that this is, for codegen.run


@dataclass(frozen=True, slots=True)
class Assembly:
    """An `@instruction`: LLVM inline assembly; operands are the parameters in order."""

    template: str
    constraints: str


@dataclass(eq=False, slots=True)
class Function:
    """One concrete function. `body` is None for an `external` one and for an `assembly` one."""

    symbol: str
    module: str
    location: Location
    parameters: list[Local]
    result: Type
    fallible: bool = False
    body: list[Statement] | None = None
    inline: bool = False  # emit a copy into each module that calls it
    noinline: bool = False
    export: bool = False  # `symbol` is the plain name, System V convention
    external: bool = False
    assembly: Assembly | None = None
    errors: frozenset[int] = frozenset()  # the error numbers it can let out; empty also when unknown


# Expressions ----------------------------------------------------------------------------------------


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
    """Fresh storage in the frame (one place per node, in the entry block), as a reference or u64; contents undefined."""

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
    Constant | Text | StaticAddress | FunctionAddress | SymbolAddress | ReadLocal | Read | AddressOf | Binary | Unary | Compare |
    SliceEqual | Logical | Conditional | Let | Convert | MakeTuple | TupleElement | MakeSlice | ArraySlice | SliceLength |
    SliceAddress | Subslice | SliceView | StackStorage | Construct | Call | CallValue | CallInterface | IsInstance | Atomic |
    CopySlice | FillSlice | TrapExpression
)  # fmt: skip


# Statements -----------------------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class Assign(Node):
    local: Local
    value: Expression


@dataclass(eq=False, slots=True)
class Store(Node):
    place: Place
    value: Expression


@dataclass(eq=False, slots=True)
class Evaluate(Node):
    value: Expression


@dataclass(eq=False, slots=True)
class If(Node):
    test: Expression
    then: list[Statement]
    otherwise: list[Statement]


@dataclass(eq=False, slots=True)
class Loop(Node):
    """Run `body` again and again; `Break(label)` leaves. (`continue` is a Break out of a Block in the body.)"""

    label: Label
    body: list[Statement]


@dataclass(eq=False, slots=True)
class Block(Node):
    """Run `body` once; `Break(label)` goes to its end."""

    label: Label
    body: list[Statement]


@dataclass(eq=False, slots=True)
class Break(Node):
    label: Label


@dataclass(eq=False, slots=True)
class Return(Node):
    value: Expression | None


class Case(NamedTuple):
    values: tuple[int, ...]
    body: list[Statement]


@dataclass(eq=False, slots=True)
class Switch(Node):
    """Run the case that has the integer-like subject's value, or `default`; traps MATCH when there is neither."""

    subject: Expression
    cases: list[Case]
    default: list[Statement] | None
    trap: TrapKind


@dataclass(eq=False, slots=True)
class Raise(Node):
    """Fail with an error number (of ErrorType)."""

    error: Expression


class Handler(NamedTuple):
    """Catches the error numbers `codes`, any when None; the number is assigned to `error` first."""

    codes: tuple[int, ...] | None
    error: Local
    body: list[Statement]


@dataclass(eq=False, slots=True)
class Try(Node):
    """Run `body`, then `otherwise`; a failure inside `body` goes to the first handler that has it, or on outwards."""

    body: list[Statement]
    handlers: list[Handler]
    otherwise: list[Statement]


@dataclass(eq=False, slots=True)
class Cleanup(Node):
    """Run `body`; then, on every way out of it (only by failure, when `on_failure_only`), run `cleanup`.

    This is `finally`, `with`, `deferred` and `on_error`. A trap is not a way out. A Return's value is
    evaluated before the cleanup. A `finally` may itself leave by Return, Raise or Break, which then wins.
    """

    body: list[Statement]
    cleanup: list[Statement]
    on_failure_only: bool


Statement = (
    Assign | Store | Evaluate | If | Loop | Block | Break | Return | Switch | Raise | Try | Cleanup
)  # fmt: skip


# The whole program ----------------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class Interface:
    """An Interface class; a struct has one vtable, in which method i of this interface is slot `first_slot + i`."""

    symbol: str
    methods: list[str]
    first_slot: int
    vtables: dict[str, Static] = field(default_factory=dict)  # by the symbol of each struct that is ever built


@dataclass(eq=False, slots=True)
class CheckedProgram:
    """All that is reachable from the roots. Order is deterministic."""

    functions: list[Function]
    statics: list[Static]
    interfaces: list[Interface]
    structs: list[Type]
    roots: list[Function] = field(default_factory=list)  # of each root that was asked for, in order

    def externals(self) -> list[str]:
        return sorted({function.symbol for function in self.functions if function.external})

