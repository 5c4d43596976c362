"""The builder of one function's graph: the current block, fresh values, frame slots and scopes.

Handlers for the nodes of the tree register themselves with `@lowers(Node)`; `Builder.value`,
`Builder.place` and `Builder.statements` find them by the node's class.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from codegen import cfg, tree
from codegen.cfg import Value
from codegen.lang import TrapKind
from codegen.lower.representation import elements_of, machine_type, result_type
from codegen.tree import Location

Handler = Callable[["Builder", Any], Any]
HANDLERS: dict[type, Handler] = {}


def lowers(node: type) -> Callable[[Handler], Handler]:
    """Register the handler of one class of tree nodes."""

    def register(handler: Handler) -> Handler:
        HANDLERS[node] = handler
        return handler

    return register


@dataclass(eq=False, slots=True)
class Breakable:
    """A label that `Break` can name, and where it goes."""

    label: tree.Label
    exit: cfg.BasicBlock


@dataclass(eq=False, slots=True)
class Catch:
    """Where failures go: a `Try`, or a `Cleanup`. The error number is in `error`."""

    entry: cfg.BasicBlock
    error: Value
    used: bool = False


@dataclass(eq=False, slots=True)
class Finally:
    """Statements to run when a `Return` or `Break` passes."""

    cleanup: list[tree.Statement]


Scope = Breakable | Catch | Finally


class Uses:
    """What the code of one module mentions; constant bytes are kept once."""

    def __init__(self) -> None:
        self.texts: dict[bytes, str] = {}
        self.functions: dict[str, tree.Function] = {}
        self.statics: dict[str, tree.Static] = {}
        self.symbols: dict[str, None] = {}

    def text(self, data: bytes) -> Value:
        return Value(self.texts.setdefault(data, f"@text.{len(self.texts)}"), "ptr")

    def function(self, function: tree.Function) -> Value:
        self.functions[function.symbol] = function
        return Value(f'@"{function.symbol}"', "ptr")

    def static(self, static: tree.Static) -> Value:
        self.statics[static.symbol] = static
        return Value(f'@"{static.symbol}"', "ptr")

    def symbol(self, name: str) -> Value:
        self.symbols[name] = None
        return Value(f'@"{name}"', "ptr")


class Builder:
    """State of the lowering of one function; `location` is that of the node in work."""

    def __init__(self, function: tree.Function, uses: Uses) -> None:
        self.uses = uses
        self.location: Location = function.location
        self.scopes: list[Scope] = []
        self.failure_exit: Catch | None = None  # where failures leave a fallible function
        self.result_exit: tuple[cfg.BasicBlock, Value] | None = None  # where aggregates are returned from
        self.graph = cfg.Graph(function, [], result_type(function.result, function.fallible))
        self.block = self.new_block("entry")
        self.graph.blocks.append(self.block)
        self._storage: dict[int, Value] = {}
        self._values = 0

    # Blocks

    def new_block(self, name: str = "b") -> cfg.BasicBlock:
        """A block that is not yet placed."""
        return cfg.BasicBlock(name)

    def enter(self, block: cfg.BasicBlock) -> None:
        """Place `block` and go on in it."""
        block.name = f"{block.name}{len(self.graph.blocks)}"
        self.graph.blocks.append(block)
        self.block = block

    @property
    def ended(self) -> bool:
        return self.block.terminator is not None

    def end(self, terminator: cfg.Terminator) -> None:
        if self.block.terminator is None:
            self.block.terminator = terminator

    def jump(self, target: cfg.BasicBlock) -> None:
        self.end(cfg.Jump(self.location, target))

    def branch(self, condition: Value, then: cfg.BasicBlock, otherwise: cfg.BasicBlock, failure: bool = False) -> None:
        self.end(cfg.Branch(self.location, condition, then, otherwise, failure))

    def stop(self, trap: TrapKind | None) -> None:
        """End the block; what follows in the same expression is unreachable and is dropped."""
        self.end(cfg.Stop(self.location, trap))
        self.enter(self.new_block("dead"))

    # Values

    def emit(self, instruction: cfg.Instruction) -> None:
        self.block.instructions.append(instruction)

    def fresh(self, type_: str) -> Value:
        self._values += 1
        return Value(f"%v{self._values}", type_)

    def arithmetic(self, operator: str, left: Value, right: Value) -> Value:
        """Unchecked arithmetic."""
        result = self.fresh(left.type)
        self.emit(cfg.Arithmetic(self.location, result, operator, left, right))
        return result

    def compare(self, predicate: str, left: Value, right: Value) -> Value:
        result = self.fresh("i1")
        self.emit(cfg.Compare(self.location, result, predicate, left, right))
        return result

    def cast(self, operator: str, operand: Value, type_: str) -> Value:
        result = self.fresh(type_)
        self.emit(cfg.Cast(self.location, result, operator, operand))
        return result

    def check(self, condition: Value, trap: TrapKind) -> None:
        self.emit(cfg.Check(self.location, None, condition, trap))

    def offset(self, base: Value, index: Value, stride: int = 1) -> Value:
        if stride * _constant(index, 1) == 0:
            return base
        result = self.fresh("ptr")
        self.emit(cfg.Offset(self.location, result, base, index, stride))
        return result

    def load(self, address: Value, type_: str, **flags: Any) -> Value:
        result = self.fresh(type_)
        self.emit(cfg.Load(self.location, result, address, **flags))
        return result

    def store(self, value: Value, address: Value, **flags: Any) -> None:
        self.emit(cfg.Store(self.location, None, value, address, **flags))

    def pack(self, type_: str, elements: list[Value]) -> Value:
        result = self.fresh(type_)
        self.emit(cfg.Pack(self.location, result, elements))
        return result

    def unpack(self, aggregate: Value, index: int) -> Value:
        result = self.fresh(elements_of(aggregate.type)[index] if aggregate is not cfg.POISON else "i64")
        self.emit(cfg.Unpack(self.location, result, aggregate, index))
        return result

    def pointer(self, address: Value) -> Value:
        """An address (a u64 or already a reference) as a pointer."""
        return address if address.type == "ptr" else self.cast("inttoptr", address, "ptr")

    def number(self, pointer: Value) -> Value:
        return self.cast("ptrtoint", pointer, "i64")

    # The frame

    def new_slot(self, type_: str, name: str = "s") -> Value:
        slot = cfg.Slot(f"%{name}.{len(self.graph.slots)}", type_)
        self.graph.slots.append(slot)
        return Value(slot.name, "ptr")

    def storage(self, node: tree.StackStorage) -> Value:
        """The one place of a `StackStorage` node, also when a cleanup is lowered several times."""
        found = self._storage.get(id(node))
        if found is None:
            slot = cfg.Slot(f"%storage.{len(self.graph.slots)}", "", node.size, node.alignment)
            self.graph.slots.append(slot)
            found = self._storage[id(node)] = Value(slot.name, "ptr")
        return found

    def variable(self, local: tree.Local) -> Value:
        """The slot of a local."""
        found = self.graph.variables.get(local)
        if found is None:
            found = self.graph.variables[local] = self.new_slot(machine_type(local.type), safe_name(local.name))
        return found

    def assign(self, local: tree.Local, value: Value) -> None:
        if machine_type(local.type) != "void":
            self.store(value, self.variable(local))

    # The tree

    def value(self, node: tree.Expression) -> Value:
        """Lower an expression. A void one gives POISON, which nothing uses."""
        before, self.location = self.location, node.location
        result: Value | None = HANDLERS[type(node)](self, node)
        self.location = before
        return cfg.POISON if result is None else result

    def place(self, node: tree.Place) -> Value:
        """Lower a place to its address."""
        before, self.location = self.location, node.location
        result: Value = HANDLERS[type(node)](self, node)
        self.location = before
        return result

    def statements(self, body: list[tree.Statement]) -> None:
        for statement in body:
            if self.ended:
                return
            self.location = statement.location
            HANDLERS[type(statement)](self, statement)


def _constant(value: Value, otherwise: int) -> int:
    text = value.text
    return int(text) if text.isdigit() else otherwise


def safe_name(name: str) -> str:
    """A local's name in the characters that LLVM takes unquoted."""
    return re.sub(r"[^A-Za-z0-9_]", "_", name) or "local"


def constant(value: int, type_: str) -> Value:
    """An integer operand."""
    return Value(str(value), type_)
