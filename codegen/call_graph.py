"""Which function calls which, from the typed tree.

A call through an interface may reach that slot of the vtable of every implementor; a call of a function value every
function of its type whose address is taken. Both kinds of callee are marked with a star. The graph travels in the ELF
file, in a section that is not loaded, so that `make sizes` needs nothing but the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from codegen import tree
from codegen.types import FunctionType

SECTION = ".call_graph"
STAR = "*"
TURNS = "#"
"""Before a number in place of a callee: the function is marked `@bounded`, with so many turns."""


_CALLS = (tree.Call, tree.CallInterface, tree.CallValue)

Nodes = Mapping[tree.Function, Iterable[tree.Node]]
"""The nodes of each function that has a body."""


def nodes_of(program: tree.CheckedProgram) -> Nodes:
    """What the tools that look at all nodes look at."""
    return {function: tree.walk(function.body) for function in program.functions if function.body is not None}


class CallGraph:
    """Who calls whom, by symbol."""

    def __init__(self, program: tree.CheckedProgram, nodes: Nodes) -> None:
        self._by_type: dict[FunctionType, list[str]] = {}
        for static in program.statics:
            self._note_static(static)
        compiled = [function for function in program.functions if function.body is not None]
        for found in nodes.values():
            for node in found:
                if type(node) is tree.FunctionAddress:
                    self._note_address(node.function)
        called = {function.symbol: self._called(nodes[function]) for function in compiled}
        turns = {function.symbol: (f"{TURNS}{function.turns}",) for function in compiled if function.turns}
        self.calls = {
            symbol: (*turns.get(symbol, ()), *(callee for callee in callees if callee.removeprefix(STAR) in called))
            for symbol, callees in called.items()
        }

    def _note_static(self, static: tree.Static) -> None:
        for relocation in static.relocations:
            if isinstance(relocation.target, tree.Function) and static.kind is not tree.StaticKind.VTABLE:
                self._note_address(relocation.target)

    def _note_address(self, function: tree.Function) -> None:
        parameters = tuple(local.type for local in function.parameters)
        type_ = FunctionType(parameters, function.result, function.fallible)
        self._by_type.setdefault(type_, []).append(function.symbol)

    def _called(self, nodes: Iterable[tree.Node]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for node in nodes:
            if type(node) not in _CALLS:
                continue
            if isinstance(node, tree.Call):
                found[node.function.symbol] = None
            elif isinstance(node, tree.CallInterface):
                found.update(dict.fromkeys(map(indirect, _implementors(node))))
            elif isinstance(node, tree.CallValue) and isinstance(node.function.type, FunctionType):
                found.update(dict.fromkeys(map(indirect, self._by_type.get(node.function.type, ()))))
        return tuple(found)


def _implementors(call: tree.CallInterface) -> Iterator[str]:
    """The symbols in the slot of a call, of every struct that implements its interface."""
    for vtable in call.interface.vtables.values():
        for relocation in vtable.relocations:
            if relocation.offset == 8 * call.slot and isinstance(relocation.target, tree.Function):
                yield relocation.target.symbol


def indirect(symbol: str) -> str:
    """The mark of a callee that is reached through a pointer."""
    return STAR + symbol


def encode(calls: dict[str, tuple[str, ...]]) -> bytes:
    """The graph as text: a line a function, tabs between it and those that it calls."""
    return "".join("\t".join((symbol, *callees)) + "\n" for symbol, callees in sorted(calls.items())).encode()


def decode(content: bytes) -> dict[str, tuple[str, ...]]:
    """The graph that `encode` wrote."""
    lines = (line.split("\t") for line in content.decode().splitlines())
    return {symbol: tuple(callees) for symbol, *callees in lines}
