"""The deepest stack of every entry point (`make sizes`).

Which function calls which comes from the typed tree: a call through an interface may reach the slot of
every vtable, a call of a function value every function of its type whose address is taken. How much stack
each takes comes from its machine code. Both err upwards: a function that was inlined everywhere counts with
its caller's frame, which already holds it, only if a copy of its own exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import capstone

from codegen import tree
from codegen.listing import CodeSymbol, ProgramFile
from codegen.types import FunctionType

RETURN_ADDRESS = 8


@dataclass(frozen=True)
class StackUse:
    """What one entry point may need: the bytes, the calls that need them (outermost first), and recursion
    found."""

    entry: str
    bytes: int
    path: tuple[str, ...]
    recursion: tuple[tuple[str, ...], ...]


def frame_size(function: CodeSymbol) -> int:
    """The bytes that a call of this function takes: return address, saved registers, and locals."""
    disassembler = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    pushed: set[str] = set()
    room = 0
    for _address, _size, mnemonic, operands in disassembler.disasm_lite(function.code, function.address):
        if mnemonic == "push":
            pushed.add(operands)
        elif mnemonic == "sub" and operands.startswith("rsp, "):
            room = max(room, int(operands.removeprefix("rsp, "), 0))
    return RETURN_ADDRESS + 8 * len(pushed) + room


class CallGraph:
    """Who calls whom, by symbol."""

    def __init__(self, program: tree.CheckedProgram) -> None:
        self._by_type: dict[FunctionType, list[str]] = {}
        self._slots: dict[int, list[str]] = {}
        for static in program.statics:
            self._note_static(static)
        nodes = {function.symbol: list(walk(function.body or [])) for function in program.functions}
        for found in nodes.values():
            for node in found:
                if isinstance(node, tree.FunctionAddress):
                    self._note_address(node.function)
        called = {symbol: self._called(found) for symbol, found in nodes.items()}
        self.calls = {
            symbol: tuple(callee for callee in callees if callee in called) for symbol, callees in called.items()
        }

    def _note_static(self, static: tree.Static) -> None:
        for relocation in static.relocations:
            if not isinstance(relocation.target, tree.Function):
                continue
            if static.kind is tree.StaticKind.VTABLE:
                self._slots.setdefault(relocation.offset // 8, []).append(relocation.target.symbol)
            else:
                self._note_address(relocation.target)

    def _note_address(self, function: tree.Function) -> None:
        parameters = tuple(local.type for local in function.parameters)
        type_ = FunctionType(parameters, function.result, function.fallible)
        self._by_type.setdefault(type_, []).append(function.symbol)

    def _called(self, nodes: Iterable[tree.Node]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for node in nodes:
            if isinstance(node, tree.Call):
                found[node.function.symbol] = None
            elif isinstance(node, tree.CallInterface):
                found.update(dict.fromkeys(self._slots.get(node.slot, ())))
            elif isinstance(node, tree.CallValue) and isinstance(node.function.type, FunctionType):
                found.update(dict.fromkeys(self._by_type.get(node.function.type, ())))
        return tuple(found)


def walk(value: Any) -> Iterator[tree.Node]:
    """Every node in a tree, or in a list of trees."""
    if isinstance(value, tree.Node):
        yield value
        for entry in fields(value):
            yield from walk(getattr(value, entry.name))
    elif isinstance(value, list | tuple) and not isinstance(value, tree.Location):
        for element in value:
            yield from walk(element)


class StackAnalysis:
    """The deepest path from each function on. Functions that call each other in a circle count once each."""

    def __init__(self, program: tree.CheckedProgram, elf: bytes) -> None:
        self._calls = CallGraph(program).calls
        self._frames = {code.name: frame_size(code) for code in ProgramFile(elf).functions}
        self._circle_of = {symbol: circle for circle in circles(self._calls) for symbol in circle}
        self._known: dict[tuple[str, ...], tuple[int, tuple[str, ...]]] = {}

    def deepest(self, entry: str) -> StackUse:
        """The most stack that a call of `entry` may take; a recursion counts as one turn."""
        size, path = self._descend(self._circle_of[entry])
        found = {self._circle_of[symbol] for symbol in self._reachable(entry)}
        recursion = sorted(circle for circle in found if len(circle) > 1 or circle[0] in self._calls[circle[0]])
        return StackUse(entry, size, path, tuple(recursion))

    def _descend(self, circle: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
        known = self._known.get(circle)
        if known is None:
            callees = {self._circle_of[callee] for symbol in circle for callee in self._calls[symbol]}
            below = [self._descend(callee) for callee in sorted(callees - {circle})]
            size, path = max(below, default=(0, ()), key=lambda found: found[0])
            own = sum(self._frames.get(symbol, 0) for symbol in circle)
            known = self._known[circle] = own + size, (*circle, *path)
        return known

    def _reachable(self, entry: str) -> set[str]:
        found, waiting = {entry}, [entry]
        while waiting:
            for callee in self._calls[waiting.pop()]:
                if callee not in found:
                    found.add(callee)
                    waiting.append(callee)
        return found


def circles(calls: dict[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The strongly connected components of the call graph (Tarjan 1972), each sorted."""
    found: list[tuple[str, ...]] = []
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    on_path: set[str] = set()

    def visit(symbol: str) -> None:
        order[symbol] = lowest[symbol] = len(order)
        path.append(symbol)
        on_path.add(symbol)
        for callee in calls[symbol]:
            if callee not in order:
                visit(callee)
                lowest[symbol] = min(lowest[symbol], lowest[callee])
            elif callee in on_path:
                lowest[symbol] = min(lowest[symbol], order[callee])
        if lowest[symbol] == order[symbol]:
            start = path.index(symbol)
            found.append(tuple(sorted(path[start:])))
            on_path.difference_update(path[start:])
            del path[start:]

    for symbol in calls:
        if symbol not in order:
            visit(symbol)
    return found
