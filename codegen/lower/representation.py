"""How a value of each type of the language is represented in registers (the table in `codegen.types`)."""

from __future__ import annotations

from codegen import types

_ELEMENTS: dict[str, tuple[str, ...]] = {}
_MACHINE: dict[types.Type, str] = {}
_RECENT: dict[int, tuple[types.Type, str]] = {}
"""The same by identity: to hash a type takes longer than all else in this, the function that is called most."""
RECENT_LIMIT = 10_000


def aggregate(elements: tuple[str, ...]) -> str:
    """The machine type of values side by side."""
    text = "{" + ", ".join(elements) + "}"
    _ELEMENTS[text] = elements
    return text


SLICE = aggregate(("ptr", "i64"))
USER_SLICE = aggregate(("i64", "i64"))


def elements_of(machine_type: str) -> tuple[str, ...]:
    """The machine types inside an aggregate."""
    return _ELEMENTS[machine_type]


def machine_type(type_: types.Type) -> str:
    """The machine type of a value; `void` when there is none."""
    recent = _RECENT.get(id(type_))
    if recent is not None:
        return recent[1]
    found = _MACHINE.get(type_)
    if found is None:
        found = _MACHINE[type_] = _machine_type(type_)
    if len(_RECENT) >= RECENT_LIMIT:
        _RECENT.clear()
    _RECENT[id(type_)] = type_, found
    return found


def _machine_type(type_: types.Type) -> str:
    if isinstance(type_, types.IntegerLike):
        return f"i{type_.bits}"
    if isinstance(type_, types.ReferenceLike):
        return "ptr"
    if isinstance(type_, types.SliceType):
        return SLICE
    if isinstance(type_, types.UserSliceType):
        return USER_SLICE
    if isinstance(type_, types.TupleType):
        return aggregate(tuple(map(machine_type, type_.elements)))
    if isinstance(type_, types.VoidType | types.NeverType):
        return "void"
    raise TypeError(f"{type_} is a type of places, not of values")


def result_type(type_: types.Type, fallible: bool) -> str:
    """The machine result; a fallible function returns its error number (0: none) beside the value."""
    value = machine_type(type_)
    if not fallible:
        return value
    return "i32" if value == "void" else aggregate(("i32", value))


def is_signed(type_: types.Type) -> bool:
    return isinstance(type_, types.IntegerLike) and type_.signed
