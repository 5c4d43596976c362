"""The deepest stack of every entry point.

How much stack a function takes, and which it calls directly, comes from its machine code (stack_frames.py). What an
indirect call may reach comes from the typed tree (call_graph.py); where a function was inlined, its indirect calls are
its caller's. The answer is an upper bound: every indirect call reaches the deepest function that it can, and
functions that call each other in a circle are there as often as their `@bounded` marks allow.
"""

from __future__ import annotations

from dataclasses import dataclass

from codegen.call_graph import STAR, TURNS
from codegen.objects import StackFrame
from codegen.program_file import ProgramFile
from codegen.stack_frames import read_frame

ENDS = "trap_failed"
"""Every check may call it, and nothing runs after it: it is an entry point of its own, and no callee."""


@dataclass(frozen=True)
class StackUse:
    """What one entry point may need: the bytes, the calls that need them (outermost first), and recursion found."""

    entry: str
    bytes: int
    path: tuple[str, ...]
    recursion: tuple[tuple[str, ...], ...]
    unbounded: tuple[tuple[str, ...], ...] = ()
    """Those of the recursions that pass no `@bounded` function: the bytes count them once."""


def frames_of(program: ProgramFile) -> dict[str, StackFrame]:
    """The frame of every function: as noted when it was compiled, or read from its code where it is a stub."""
    names = {code.address: code.name for code in program.functions}
    found = {}
    for code in program.functions:
        noted = program.frames.get(code.name)
        if noted is None:
            size, calls = read_frame(code.code, code.address)
            noted = StackFrame(size, tuple(dict.fromkeys(names[target] for _, target in calls if target in names)))
        found[code.name] = noted
    return found


class StackAnalysis:
    """The deepest path from each function on."""

    def __init__(self, program: ProgramFile) -> None:
        self._tree = program.calls
        self._frames = frames_of(program)
        self._direct = {
            name: tuple(callee for callee in frame.calls if callee in self._frames and callee != ENDS)
            for name, frame in self._frames.items()
        }
        self._turns: dict[str, int] = {}
        self._calls = {name: self._callees(name) for name in self._frames}
        self._circle_of = {symbol: circle for circle in circles(self._calls) for symbol in circle}
        self._known: dict[tuple[str, ...], tuple[int, tuple[str, ...]]] = {}

    def _callees(self, name: str) -> tuple[str, ...]:
        """What `name` calls directly, and what the indirect calls in it and in what was inlined into it may reach."""
        direct = self._direct[name]
        found = dict.fromkeys(direct)
        waiting, seen = [name], {name}
        while waiting:
            for callee in self._tree.get(waiting.pop(), ()):
                if callee.startswith(TURNS):
                    self._turns[name] = self._turns.get(name, 0) + int(callee.removeprefix(TURNS))
                elif callee.startswith(STAR):
                    if callee.removeprefix(STAR) in self._frames:
                        found[callee.removeprefix(STAR)] = None
                elif callee not in seen and callee not in direct:
                    seen.add(callee)
                    waiting.append(callee)
        return tuple(found)

    @property
    def entries(self) -> list[str]:
        """The exported functions: those that the program's stubs call."""
        return sorted(name for name in self._tree if "." not in name and name in self._frames)

    def deepest(self, entry: str) -> StackUse:
        """The most stack that a call of `entry` may take; a recursion without a bound counts as one turn."""
        size, path = self._descend(self._circle_of[entry])
        found = {self._circle_of[symbol] for symbol in self._reachable(entry)}
        recursion = sorted(
            circle for circle in found if len(circle) > 1 or any(symbol in self._calls[symbol] for symbol in circle)
        )
        unbounded = [circle for circle in recursion if self._bound(circle) == 0]
        return StackUse(entry, size, path, tuple(recursion), tuple(unbounded))

    def _bound(self, circle: tuple[str, ...]) -> int:
        """How many activations of marked functions there can be at a time in a circle; 0 when none is marked."""
        return sum(self._turns.get(symbol, 0) for symbol in circle)

    def _circle_size(self, circle: tuple[str, ...]) -> int:
        """The bytes of all activations: one that is not marked stands before, between and after marked ones."""
        if len(circle) == 1 and circle[0] not in self._calls[circle[0]]:
            return self._frames[circle[0]].size
        others = self._bound(circle) + 1
        return sum(self._frames[symbol].size * self._turns.get(symbol, others) for symbol in circle)

    def _descend(self, circle: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
        known = self._known.get(circle)
        if known is None:
            callees = {self._circle_of[callee] for symbol in circle for callee in self._calls[symbol]}
            below = [self._descend(callee) for callee in sorted(callees - {circle})]
            size, path = max(below, default=(0, ()), key=lambda found: found[0])
            known = self._known[circle] = self._circle_size(circle) + size, (*circle, *path)
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
