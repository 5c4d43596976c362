"""One body, two runs: a function under CPython and compiled in the emulator must agree.

`both(function, *arguments)` runs it both ways on equal arguments and compares the value, the Errno or the
kind of trap, and the state that the arguments were left in. It gives back the value, or raises what both
runs raised.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import MethodType
from typing import Any

from codegen import run
from codegen.lang import Errno, Panic, TrapKind, u8
from codegen.lang.atomic import Atomic
from codegen.lang.enums import PackedValue
from codegen.lang.machine import UserSlice
from codegen.lang.slices import ByteCells, HostSlice
from codegen.lang.structs import FieldReference

UNSEEN_BY_CPYTHON = (TrapKind.OVERFLOW, TrapKind.SHIFT, TrapKind.NARROWING)
"""CPython's integers have no width: it goes on where the machine traps."""


def both(function: Callable[..., Any], *arguments: Any) -> Any:
    """The outcome of `function(*arguments)`, which is the same under CPython and compiled."""
    if isinstance(function, MethodType):
        function, arguments = function.__func__, (function.__self__, *arguments)
    host_arguments = [_as_slice(argument) for argument in copy.deepcopy(arguments)]
    compiled = _outcome(lambda: run(function, *arguments))
    host = _outcome(lambda: function(*host_arguments))
    if isinstance(compiled[1], Panic) and compiled[1].kind in UNSEEN_BY_CPYTHON:
        raise compiled[1]
    assert compiled[0] == host[0], f"CPython: {host[0]}; compiled: {compiled[0]}"
    if not isinstance(host[1], Panic):
        for index, (left, right) in enumerate(zip(host_arguments, arguments, strict=True)):
            assert state(left) == state(right), f"argument {index} differs afterwards"
    if isinstance(compiled[1], Exception):
        raise compiled[1]
    return compiled[1]


def _as_slice(argument: Any) -> Any:
    """Bytes as a view: CPython's own allow negative indices, and their slices are copies."""
    if isinstance(argument, bytes | bytearray):
        return HostSlice(ByteCells(bytearray(argument), 0, len(argument), u8), 0, len(argument), u8)
    return argument


def _outcome(call: Callable[[], Any]) -> tuple[Any, Any]:
    """What is compared, and the value or exception itself."""
    try:
        value = call()
    except Errno as error:
        return ("raises", type(error).__name__), error
    except Panic as panic:
        return ("panics", panic.kind, panic.text if panic.kind.name in ("ASSERTION", "PANIC") else ""), panic
    return ("returns", state(value)), value


def state(value: Any, seen: dict[int, int] | None = None) -> Any:
    """A value as plain data: what two graphs of structs are compared by."""
    seen = {} if seen is None else seen
    if isinstance(value, PackedValue):
        return value.__raw__
    if isinstance(value, bytes | bytearray | HostSlice):
        return [state(entry, seen) for entry in value]
    if isinstance(value, Atomic):
        return state(value.value, seen)
    if isinstance(value, UserSlice):
        return int(value.address), int(value.length)
    if isinstance(value, FieldReference):
        return str(value)
    if isinstance(value, tuple):
        return tuple(state(entry, seen) for entry in value)
    if hasattr(type(value), "__struct__"):
        if id(value) in seen:
            return f"object {seen[id(value)]}"
        seen[id(value)] = len(seen)
        fields = type(value).__struct__
        return {name: state(entry, seen) for name, entry in sorted(vars(value).items()) if name in fields}
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value
