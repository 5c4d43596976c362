"""The deepest stack of every entry point.

Which function calls which comes from the typed tree (call_graph.py), how much stack each takes from its
machine code. Both err upwards: a function that was inlined into its caller adds to it again, but only if a
copy of its own exists.
"""

from __future__ import annotations

from dataclasses import dataclass

import capstone

from codegen.program_file import CodeSymbol, ProgramFile

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


class StackAnalysis:
    """The deepest path from each function on. Functions that call each other in a circle count once each."""

    def __init__(self, program: ProgramFile) -> None:
        self._calls = program.calls
        self._frames = {code.name: frame_size(code) for code in program.functions}
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
