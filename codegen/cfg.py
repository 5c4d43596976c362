"""Control flow made explicit: what `lower` makes from the typed tree and `llvm` turns into LLVM text.

A `Graph` is one function: basic blocks of instructions, each block ended by one terminator. Values are
defined once and used in blocks that the definition dominates; whatever merges at a join lives in a
`Slot` of the frame (LLVM's mem2reg makes registers of slots). Cleanups are ordinary code here, failure is
an ordinary branch, and every check is an instruction that names its trap.

Machine types are written as LLVM writes them: `i1 i8 i16 i32 i64 ptr`, aggregates as `{ptr, i64}`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from codegen.lang import Order, TrapKind
    from codegen.tree import Assembly, Function, Local, Location


class Value(NamedTuple):
    """An operand: a defined value `%v3`, a frame slot `%s1`, an integer, `null`, or a symbol `@"name"`."""

    text: str
    type: str

    def __str__(self) -> str:
        return self.text


POISON = Value("poison", "i64")  # the value of an expression that never gives one; only in unreachable blocks


class Slot(NamedTuple):
    """Storage in the frame: of a machine type, or `size` raw bytes when `type` is empty."""

    name: str
    type: str
    size: int = 0
    alignment: int = 0


@dataclass(eq=False, slots=True)
class Instruction:
    location: Location
    result: Value | None


@dataclass(eq=False, slots=True)
class Arithmetic(Instruction):
    """`add sub mul udiv sdiv urem srem shl lshr ashr and or xor umin umax smin smax usub.sat ssub.sat`.

    With a trap, `add sub mul` check for overflow in the sense of `signed`."""

    operator: str
    left: Value
    right: Value
    signed: bool = False
    trap: TrapKind | None = None


@dataclass(eq=False, slots=True)
class CountBits(Instruction):
    """`cttz ctlz ctpop`; of zero the first two give the width."""

    operator: str
    operand: Value


@dataclass(eq=False, slots=True)
class Compare(Instruction):
    """`eq ne ult ule ugt uge slt sle sgt sge`."""

    predicate: str
    left: Value
    right: Value


@dataclass(eq=False, slots=True)
class Cast(Instruction):
    """`zext sext trunc ptrtoint inttoptr`."""

    operator: str
    operand: Value


@dataclass(eq=False, slots=True)
class Offset(Instruction):
    """The address `index * stride` bytes after `base`, in the same object."""

    base: Value
    index: Value
    stride: int = 1


@dataclass(eq=False, slots=True)
class Load(Instruction):
    """At any alignment, which costs nothing on x86-64; packed structs need it."""

    address: Value
    volatile: bool = False
    nonnull: bool = False


@dataclass(eq=False, slots=True)
class Store(Instruction):
    value: Value
    address: Value
    volatile: bool = False


@dataclass(eq=False, slots=True)
class Pack(Instruction):
    """An aggregate of its elements."""

    elements: list[Value]


@dataclass(eq=False, slots=True)
class Unpack(Instruction):
    aggregate: Value
    index: int


@dataclass(eq=False, slots=True)
class Call(Instruction):
    """A call of an address or of a piece of assembly; `signature` is its machine result type."""

    callee: Value | Assembly
    arguments: list[Value]
    signature: str
    signed: tuple[bool, ...] = ()  # of each argument: how a narrow one is extended


@dataclass(eq=False, slots=True)
class AtomicAccess(Instruction):
    """`load store xchg add sub or and cmpxchg` on shared memory; `cmpxchg` gives whether it stored."""

    operator: str
    address: Value
    operands: list[Value]
    order: Order


@dataclass(eq=False, slots=True)
class CopyMemory(Instruction):
    """memmove, or memcpy when the two ranges are known to be disjoint."""

    destination: Value
    source: Value
    length: Value
    disjoint: bool = False


@dataclass(eq=False, slots=True)
class FillMemory(Instruction):
    """memset with an i8."""

    destination: Value
    byte: Value
    length: Value


@dataclass(eq=False, slots=True)
class EqualMemory(Instruction):
    """Whether the two ranges of `length` bytes hold the same."""

    left: Value
    right: Value
    length: Value


@dataclass(eq=False, slots=True)
class Check(Instruction):
    """Go on if `condition` holds, else trap."""

    condition: Value
    trap: TrapKind


# Terminators ----------------------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class Jump:
    location: Location
    target: BasicBlock


@dataclass(eq=False, slots=True)
class Branch:
    """`failure`: the condition says that a call failed, which is taken to be rare."""

    location: Location
    condition: Value
    then: BasicBlock
    otherwise: BasicBlock
    failure: bool = False


@dataclass(eq=False, slots=True)
class Switch:
    location: Location
    subject: Value
    cases: list[tuple[int, BasicBlock]]
    default: BasicBlock


@dataclass(eq=False, slots=True)
class Return:
    location: Location
    value: Value | None


@dataclass(eq=False, slots=True)
class Stop:
    """Control does not go on: because of `trap`, or because the call before never returns."""

    location: Location
    trap: TrapKind | None


Terminator = Jump | Branch | Switch | Return | Stop


@dataclass(eq=False, slots=True)
class BasicBlock:
    name: str
    instructions: list[Instruction] = field(default_factory=list)
    terminator: Terminator | None = None

    def successors(self) -> list[BasicBlock]:
        end = self.terminator
        if isinstance(end, Jump):
            return [end.target]
        if isinstance(end, Branch):
            return [end.then, end.otherwise]
        if isinstance(end, Switch):
            return [*(block for _, block in end.cases), end.default]
        return []


@dataclass(eq=False, slots=True)
class Graph:
    """One lowered function; the first block is the entry."""

    function: Function
    parameters: list[Value]
    result: str
    slots: list[Slot] = field(default_factory=list)
    variables: dict[Local, Value] = field(default_factory=dict)  # the slot of each
    blocks: list[BasicBlock] = field(default_factory=list)

    def remove_unreachable(self) -> None:
        reached = {id(self.blocks[0])}
        pending = [self.blocks[0]]
        while pending:
            for block in pending.pop().successors():
                if id(block) not in reached:
                    reached.add(id(block))
                    pending.append(block)
        self.blocks = [block for block in self.blocks if id(block) in reached]
