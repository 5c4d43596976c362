"""What touches the machine: instructions, outside symbols, calls with raw registers."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar, get_type_hints

from codegen.lang.enums import PackedValue, from_raw, to_raw
from codegen.lang.failure import Errno
from codegen.lang.numbers import IntType, UserAddr, i64, int_type
from codegen.lang.traps import Panic, TrapKind

F = TypeVar("F", bound=Callable[..., Any])


class UserSlice:
    """A range of a program's memory, as it gave it: `length` bytes at `address`. Never dereferenced."""

    def __init__(self, address: UserAddr, length: int) -> None:
        self.address = address
        self.length = length

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UserSlice) and (self.address, self.length) == (other.address, other.length)

    def __hash__(self) -> int:
        return hash((self.address, self.length))


def instruction(template: str, constraints: str) -> Callable[[F], F]:
    """The function below is one piece of inline assembly, in LLVM's template and constraint syntax."""

    def decorate(function: F) -> F:
        function.__instruction__ = (template, constraints)  # type: ignore[attr-defined]
        return function

    return decorate


def external(function: F) -> F:
    """The function below is defined elsewhere: a stub of boot/, under its bare name."""
    function.__external__ = True  # type: ignore[attr-defined]
    return function


def export(function: F) -> F:
    """Keep the function below under its bare name: boot/'s stubs call it."""
    function.__export__ = True  # type: ignore[attr-defined]
    return function


def noinline(function: F) -> F:
    """Never inline the function below."""
    function.__noinline__ = True  # type: ignore[attr-defined]
    return function


def hot(function: F) -> F:
    """Place the function below beside all others that are hot, so that they lie on few pages."""
    function.__hot__ = True  # type: ignore[attr-defined]
    return function


def comptime(function: F) -> F:
    """The function below runs at build time only."""
    function.__comptime__ = True  # type: ignore[attr-defined]
    return function


def symbol_address(name: str) -> int:
    """The address of a symbol of the linker or of a stub, a u64. There is none on the host."""
    raise Panic(TrapKind.UNREACHABLE, f"symbol {name} on the host")


def _decode(kind: Any, registers: list[int]) -> Any:
    if kind is UserSlice:
        return UserSlice(UserAddr(registers.pop(0)), registers.pop(0))
    raw = registers.pop(0)
    if kind is bool:
        return raw != 0
    width: IntType = int_type(kind)
    value = width.wrap(raw)
    packed = isinstance(kind, type) and issubclass(kind, PackedValue)
    if packed:
        return from_raw(kind, value)
    make: Any = kind
    return make(value)


def invoke_registers(
    function: Callable[..., Any], context: object, a0: int, a1: int, a2: int, a3: int, a4: int, a5: int
) -> int:
    """Call `function(context, ...)` with its parameters taken from u64 registers; an i64 comes back.

    Narrow integers take the low bits, bool is `!= 0`, `UserSlice` takes two registers. An Errno
    that the function lets out becomes minus its code, None becomes 0.
    """
    kinds = [kind for name, kind in get_type_hints(function).items() if name != "return"][1:]
    registers = [a0, a1, a2, a3, a4, a5]
    try:
        result = function(context, *[_decode(kind, registers) for kind in kinds])
    except Errno as error:
        return -error.code
    if result is None:
        return 0
    if isinstance(result, Enum):
        result = result.value
    if isinstance(result, PackedValue):
        result = to_raw(result)
    wrapped: int = i64(0) + IntType("i64", 64, signed=True).wrap(int(result))
    return wrapped
