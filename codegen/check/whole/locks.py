"""Spinlocks: nothing sleeps while one is held, and they are taken in the order of their ranks.

A lock is known by the field or the static that it is, its rank by what that was made with. Two locks of one rank are
never held together, which refuses taking one twice as well. Where each lock is taken in order, no two processors wait
for each other (Havender, 1968).
"""

from __future__ import annotations

from codegen.check.whole.bodies import Held, Made, Taken
from codegen.check.whole.graph import Graph
from codegen.diagnostics import Diagnostic
from codegen.tree import Function, Location

SLEEP_HINT = "leave the `with` first; note under the lock what has to be done, and do it after"
ORDER_HINT = "take the one of lower rank first, or leave the `with` before"
RANK_HINT = "make the lock with its rank where it is declared: lock: SpinLock = inline(SpinLock(LockRank...))"


def check(graph: Graph) -> list[Diagnostic]:
    """Refuse sleeping under a spinlock, and locks that are taken out of order."""
    return [*_sleeping(graph), *_order(graph)]


def _sleeping(graph: Graph) -> list[Diagnostic]:
    way = graph.reaching(function for function in graph.bodies if function.sleeps)
    way.update({callee: None for calls in graph.calls.values() for callee in calls if callee.sleeps})
    found: dict[Location, Diagnostic] = {}
    for body in graph.bodies.values():
        for made in body.calls:
            if made.held:
                for callee in graph.callees(made.call):
                    if callee in way and made.call.location not in found:
                        found[made.call.location] = _sleep(graph, made, callee, way)
    return list(found.values())


def _sleep(graph: Graph, made: Made, callee: Function, way: dict[Function, Function | None]) -> Diagnostic:
    lock = made.held[-1]
    path = graph.path(callee, way.get)
    message = f"{callee.symbol} may sleep, and {_taken(lock)} is held"
    return Diagnostic(made.call.location, message, SLEEP_HINT, path)


def _taken(lock: Held) -> str:
    return f"{lock.name}, taken in line {lock.location.line},"


def _order(graph: Graph) -> list[Diagnostic]:
    by_rank: dict[int, dict[Function, Taken]] = {}
    found: dict[Location, Diagnostic] = {}
    for function, body in graph.bodies.items():
        for taken in body.taken:
            where = taken.lock.location
            if taken.lock.rank == 0:
                found[where] = Diagnostic(where, f"{taken.lock.name} has no rank that is known here", RANK_HINT)
                continue
            by_rank.setdefault(taken.lock.rank, {}).setdefault(function, taken)
            above = [held for held in taken.held if held.rank >= taken.lock.rank]
            if above:
                message = f"{taken.lock.name} (rank {taken.lock.rank}) is taken under {_ranked(above[0])}"
                found[where] = Diagnostic(where, message, ORDER_HINT)
    ways = {rank: graph.reaching(takers) for rank, takers in by_rank.items()}
    for body in graph.bodies.values():
        for made in body.calls:
            if made.held and made.call.location not in found:
                diagnostic = _under(graph, made, ways, by_rank)
                if diagnostic is not None:
                    found[made.call.location] = diagnostic
    return list(found.values())


def _ranked(lock: Held) -> str:
    return f"{lock.name} (rank {lock.rank}, taken in line {lock.location.line})"


def _under(
    graph: Graph,
    made: Made,
    ways: dict[int, dict[Function, Function | None]],
    takers: dict[int, dict[Function, Taken]],
) -> Diagnostic | None:
    """What a call under a lock takes against the order, if anything."""
    highest = max(made.held, key=lambda held: held.rank)
    for callee in graph.callees(made.call):
        for rank, way in ways.items():
            if rank <= highest.rank and callee in way:
                path = graph.path(callee, way.get)
                last = callee
                while (following := way[last]) is not None:
                    last = following
                taken = takers[rank][last]
                path = (*path, (taken.lock.location, f"{last.symbol} takes {taken.lock.name} (rank {rank})"))
                return Diagnostic(
                    made.call.location,
                    f"{callee.symbol} takes {taken.lock.name} (rank {rank}) under {_ranked(highest)}",
                    ORDER_HINT,
                    path,
                )
    return None
