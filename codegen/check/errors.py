"""Which errors can leave a function, and whether its signature says so.

While functions are checked, each place that can fail is noted as a `Site`. When all are known, the sets of
error numbers are computed over the whole program; a function that is not `Fallible` may let none out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codegen import lang
from codegen.diagnostics import Diagnostic
from codegen.tree import CallInterface, Function, Location

if TYPE_CHECKING:
    from codegen.check.program import Program

ANY: frozenset[int] = frozenset({-1})
"""The errors of a call through a function value, or of `errno_of`: any number."""


@dataclass(eq=False, slots=True)
class Caught:
    """What a handler re-raises: what can fail in the body of its `try`, if among `codes`."""

    sites: list[Site]
    codes: frozenset[int] | None


@dataclass(eq=False, slots=True)
class Site:
    """One place that can fail; `catching` are the handlers around it, of which None catches all."""

    location: Location
    source: frozenset[int] | Function | CallInterface | Caught
    catching: tuple[frozenset[int] | None, ...]


def infer(program: Program) -> list[Diagnostic]:
    """Set `errors` of every fallible function; the diagnostics for those that do not say `Fallible`."""
    sites: dict[Function, list[Site]] = program.sites
    errors: dict[Function, frozenset[int]] = {function: frozenset() for function in sites}
    changed = True
    while changed:
        changed = False
        for function, places in sites.items():
            found = frozenset().union(*(_escaping(program, errors, site) for site in places))
            if found != errors[function]:
                errors[function] = found
                changed = changed or function.fallible
    diagnostics = []
    for function, places in sites.items():
        if function.fallible:
            function.errors = frozenset() if errors[function] >= ANY else errors[function]
            continue
        for site in places:
            codes = _escaping(program, errors, site)
            if codes:
                message = f"{names(codes)} can leave this function, which is not Fallible"
                hint = f"annotate the result: -> Fallible[{function.result}], or catch it"
                diagnostics.append(Diagnostic(site.location, message, hint))
    return diagnostics


def names(codes: frozenset[int]) -> str:
    """Error numbers by name, for a message."""
    if codes >= ANY:
        return "an Errno"
    known: dict[int, Any] = lang.Errno.by_code
    shown = [known[code].__name__ if code in known else str(code) for code in sorted(codes)]
    return ", ".join(shown[:4]) + (", ..." if len(shown) > 4 else "")


def _escaping(program: Program, errors: dict[Function, frozenset[int]], site: Site) -> frozenset[int]:
    if None in site.catching:
        return frozenset()
    found = _raised(program, errors, site.source)
    for codes in site.catching:
        assert codes is not None
        found -= codes
    return found


def _raised(program: Program, errors: dict[Function, frozenset[int]], source: Any) -> frozenset[int]:
    if isinstance(source, Function):
        if source.assembly is None and source.external:
            return frozenset()
        return errors.get(source, frozenset())
    if isinstance(source, CallInterface):
        functions = program.implementations(source)
        return frozenset().union(*(errors.get(function, frozenset()) for function in functions))
    if isinstance(source, Caught):
        inner = frozenset().union(*(_escaping_inner(program, errors, site) for site in source.sites))
        return inner if source.codes is None else (source.codes if inner >= ANY else inner & source.codes)
    codes: frozenset[int] = source
    return codes


def _escaping_inner(program: Program, errors: dict[Function, frozenset[int]], site: Site) -> frozenset[int]:
    """What arrives at the handler of the `try` that the site is directly in."""
    inner = Site(site.location, site.source, site.catching)
    return _escaping(program, errors, inner)
