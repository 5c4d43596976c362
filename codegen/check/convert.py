"""Conversions: what is implicit, what is refused, and with which hint."""

from __future__ import annotations

import enum
from types import FunctionType as HostFunction
from typing import TYPE_CHECKING, Any

from codegen import lang
from codegen.check.values import AtomicMethod, BoundMethod, GeneratorCall, HostValue, PlaceValue, Value
from codegen.lang.enums import PackedValue
from codegen.lang.numbers import IntType
from codegen.lang.slices import HostArray
from codegen.lang.structs import FieldReference
from codegen.resolve import host_type, is_struct
from codegen.tree import (
    ArraySlice,
    Constant,
    Conversion,
    Convert,
    Expression,
    FunctionAddress,
    Location,
    MakeTuple,
    StaticPlace,
    Text,
)
from codegen.types import (
    BOOL,
    BYTES,
    ERROR,
    I64,
    U64,
    USER_SLICE,
    ArrayType,
    BitsType,
    BoolType,
    EnumType,
    ErrorType,
    FunctionType,
    Int,
    InterfaceType,
    NeverType,
    OptionalType,
    SliceType,
    StructType,
    TupleType,
    Type,
    UnitType,
    UserSliceType,
    VoidType,
    integer_range,
)

if TYPE_CHECKING:
    from codegen.check.function import Checker


def plain(type_: Any) -> Any:
    """The integer type behind a unit, an enum or an Errno; other types as they are."""
    if isinstance(type_, (UnitType, EnumType, ErrorType)):
        return Int(type_.bits, type_.signed)
    return type_


def known_type(value: Value) -> Any:
    """The type that a value has by itself; None when it depends on what it is used for."""
    if isinstance(value, HostValue):
        return constant_type(value)
    return getattr(value, "type", None)


def constant_type(value: HostValue) -> Any:
    """The definite type of a constant, None for a bare integer, None itself, and objects of the host."""
    found = value.object
    if value.type is not None:
        return value.type
    if isinstance(found, bool):
        return BOOL
    if isinstance(found, (lang.Unit, enum.Enum, PackedValue)) or is_struct(type(found)):
        return host_type(type(found))
    if isinstance(found, bytes):
        return BYTES
    if isinstance(found, HostFunction):
        return None
    if isinstance(found, type) and issubclass(found, lang.Errno) and found is not lang.Errno:
        return ERROR
    return USER_SLICE if isinstance(found, lang.UserSlice) else None


def materialise(f: Checker, value: Value) -> Expression:
    """A tree for a value, of its own type; a bare integer becomes a u64, or an i64 when negative."""
    if not isinstance(value, HostValue):
        return _only_tree(f, value)
    found = value.object
    if isinstance(found, FieldReference):
        return coerce(f, value, U64)
    if isinstance(found, HostArray):
        return _static_array(f, value)
    if isinstance(found, HostFunction):
        function = f.program.plain_instance(found, value.location)
        function_type = FunctionType(
            tuple(parameter.type for parameter in function.parameters), function.result, function.fallible
        )
        return FunctionAddress(value.location, function_type, function)
    if isinstance(found, tuple) and found:
        elements = [materialise(f, HostValue(value.location, element)) for element in found]
        return MakeTuple(value.location, TupleType(tuple(element.type for element in elements)), elements)
    if is_struct(type(found)):
        static, offset, struct = f.program.statics.locate(found, value.location)
        return f.program.statics.reference(value.location, static, offset, struct)
    type_ = constant_type(value)
    if type_ is None and isinstance(found, int):
        type_ = U64 if found >= 0 else I64
    if type_ is None:
        raise f.refuse(value.location, f"{describe(value)} is not a value at run time", _hint_for(found))
    return coerce(f, value, type_)


def _only_tree(f: Checker, value: Value) -> Expression:
    if isinstance(value, (BoundMethod, AtomicMethod)):
        hint = "call it; only module-level functions are values"
        raise f.refuse(value.location, "a bound method is not a value", hint)
    if isinstance(value, PlaceValue):
        raise f.refuse(value.location, "an Atomic is a place", "use load(), store(), exchange(), ...")
    if isinstance(value, GeneratorCall):
        hint = "it can only be what a `for` goes over"
        raise f.refuse(value.location, "a function with yield gives no value", hint)
    assert not isinstance(value, HostValue)
    return value


def _hint_for(found: object) -> str:
    if isinstance(found, str):
        return 'text is bytes here: b"..."'
    if isinstance(found, float):
        return "there is no floating point: use a scaled integer"
    if isinstance(found, (list, dict, set)):
        return "use a tuple of constants, or an Array in a struct"
    if found is None:
        return "annotate what it may become: name: Thread | None = None"
    return ""


def describe(value: Value) -> str:
    """A value in a message: its type, or the constant itself."""
    if not isinstance(value, HostValue):
        return str(known_type(value) or "this")
    found = value.object
    if isinstance(found, type):
        return f"the class {found.__name__}"
    if isinstance(found, IntType):
        return f"the type {found.name}"
    if isinstance(found, HostFunction):
        return f"the function {found.__name__}"
    if isinstance(found, (str, float, list, dict, set)):
        return f"{type(found).__name__} {found!r}"
    if is_struct(type(found)):
        return str(host_type(type(found)))
    return repr(found) if found is None or isinstance(found, int | bytes) else type(found).__name__


def _static_array(f: Checker, value: HostValue) -> Expression:
    static = f.program.statics.array(value.object, value.location)
    type_ = static.type
    assert isinstance(type_, ArrayType)
    place = StaticPlace(value.location, type_, static)
    return ArraySlice(value.location, SliceType(type_.element, mutable=True), place, type_.length)


def coerce(f: Checker, value: Value, target: Any) -> Expression:
    """`value` as a `target`, by the implicit conversions only."""
    if isinstance(value, HostValue):
        return _coerce_constant(f, value, target)
    tree = _only_tree(f, value)
    source = tree.type
    if source == target or isinstance(source, NeverType):
        return tree
    converted = _convert(f, tree, source, target)
    if converted is None:
        raise mismatch(f, tree, target)
    return converted


def _convert(f: Checker, tree: Expression, source: Any, target: Any) -> Expression | None:
    where = tree.location
    if isinstance(source, (UnitType, EnumType)) and isinstance(target, Int):
        tree = Convert(where, plain(source), Conversion.RETYPE, tree)
        source = tree.type
        if source == target:
            return tree
    if isinstance(source, Int) and isinstance(target, Int):
        if source.signed == target.signed and source.bits < target.bits:
            return Convert(where, target, Conversion.WIDEN, tree)
        return None
    if is_assignable(source, target):
        return Convert(where, target, Conversion.RETYPE, tree)
    return None


def is_assignable(source: Any, target: Any) -> bool:
    """Whether a pointer or slice of type `source` is a `target` as it is."""
    if source == target:
        return True
    if isinstance(target, OptionalType):
        return is_assignable(source.inner if isinstance(source, OptionalType) else source, target.inner)
    if isinstance(target, InterfaceType) and isinstance(source, (StructType, InterfaceType)):
        return issubclass(source.cls, target.cls)
    if isinstance(target, SliceType) and isinstance(source, SliceType):
        return source.element == target.element and not target.mutable
    return False


def mismatch(f: Checker, tree: Expression, target: Any) -> Exception:
    """The refusal of `tree` where a `target` is wanted."""
    source: Any = tree.type
    where = tree.location
    plain_source, plain_target = plain(source), plain(target)
    if isinstance(target, UnitType):
        if isinstance(source, UnitType):
            hint = f"convert on purpose: {target}({plain(source)}(x))"
            return f.refuse(where, f"the unit {source} is not the unit {target}", hint)
        if isinstance(source, Int):
            return f.refuse(where, f"{source} is not the unit {target}", f"write {target}(...)")
    if isinstance(plain_source, Int) and isinstance(plain_target, Int) and not isinstance(target, EnumType):
        if plain_source.signed != plain_target.signed:
            message = f"{source} and {target} differ in sign"
            return f.refuse(where, message, f"convert on purpose: {target}(...)")
        return f.refuse(
            where,
            f"{source} does not fit {target}",
            f"narrow on purpose: {target}(...) traps if it does not fit, truncate({target}, ...) keeps the low bits",
        )
    if isinstance(source, OptionalType) and is_assignable(source.inner, target):
        return f.refuse(where, f"{source} may be None where {target} is wanted", "test it first: `is None`")
    if isinstance(plain_source, Int) and isinstance(target, (EnumType, BoolType, BitsType)):
        hints: dict[Any, str] = {BoolType: "compare it: x != 0", BitsType: f"write from_raw({target}, ...)"}
        return f.refuse(where, f"{source} is not {target}", hints.get(type(target), f"write {target}(...)"))
    if isinstance(source, BoolType) and isinstance(target, Int):
        return f.refuse(where, f"bool is not {target}", f"write {target}(...)")
    if isinstance(source, SliceType) and isinstance(target, SliceType) and source.element == target.element:
        return f.refuse(where, f"{source} is read-only; {target} is wanted", "take it as a MutableSlice")
    if isinstance(source, VoidType):
        return f.refuse(where, f"this gives no value; {target} is wanted")
    return f.refuse(where, f"{source} where {target} is wanted")


def _coerce_constant(f: Checker, value: HostValue, target: Any) -> Expression:
    found: Any = value.object
    where = value.location
    if isinstance(target, OptionalType):
        if found is None:
            return Constant(where, target, 0)
        inner = _coerce_constant(f, value, target.inner)
        return Convert(where, target, Conversion.RETYPE, inner)
    if isinstance(target, Int):
        return _integer_constant(f, value, target)
    if isinstance(target, BoolType) and isinstance(found, bool):
        return Constant(where, BOOL, int(found))
    if isinstance(target, (UnitType, EnumType)):
        if isinstance(found, target.cls):
            return Constant(where, target, int(value.object))
        if type(found) is int:
            hint = f"write {target}({found})"
            raise f.refuse(where, f"{found} is a plain integer where {target} is wanted", hint)
    if isinstance(target, BitsType) and isinstance(found, target.cls):
        return Constant(where, target, lang.to_raw(found))
    if isinstance(target, ErrorType) and constant_type(value) == ERROR:
        return Constant(where, ERROR, found.code)
    if isinstance(target, FunctionType) and isinstance(found, HostFunction):
        function = f.program.adapted(found, target, where)
        return FunctionAddress(where, target, function)
    if isinstance(target, SliceType):
        if isinstance(found, bytes) and target == BYTES:
            return Text(where, BYTES, found)
        if isinstance(found, HostArray):
            return coerce(f, materialise(f, value), target)
    if isinstance(target, (StructType, InterfaceType)) and is_struct(type(found)):
        return coerce(f, materialise(f, value), target)
    if isinstance(target, UserSliceType) and isinstance(found, lang.UserSlice):
        parts: list[Expression] = [Constant(where, U64, int(found.address)), Constant(where, U64, found.length)]
        return MakeTuple(where, USER_SLICE, parts)
    if isinstance(target, TupleType) and isinstance(found, tuple) and len(found) == len(target.elements):
        pairs = zip(found, target.elements, strict=True)
        elements = [coerce(f, HostValue(where, element), type_) for element, type_ in pairs]
        return MakeTuple(where, target, elements)
    if found is None and not isinstance(target, VoidType):
        hint = f"make it {target} | None" if isinstance(target, (StructType, InterfaceType)) else ""
        raise f.refuse(where, f"None where {target} is wanted", hint)
    raise f.refuse(where, f"{describe(value)} where {target} is wanted", _hint_for(found))


def _integer_constant(f: Checker, value: HostValue, target: Int) -> Expression:
    found: Any = value.object
    if isinstance(found, FieldReference):
        from codegen import layout

        found = layout.offset_of(found.owner, found.name)
    if isinstance(found, bool) or not isinstance(found, int):
        hint = f"write {target}(...)" if isinstance(found, bool) else _hint_for(found)
        raise f.refuse(value.location, f"{describe(value)} where {target} is wanted", hint)
    low, high = integer_range(target)
    if not low <= found <= high:
        hint = "" if low else f"{target} goes from {low} to {high:#x}"
        raise f.refuse(value.location, f"{int(found)} does not fit {target}", hint)
    declared = value.type
    if isinstance(declared, Int) and (declared.signed != target.signed or declared.bits > target.bits):
        raise mismatch(f, Constant(value.location, declared, int(found)), target)
    return Constant(value.location, target, int(found))


def retype(value: Expression, type_: Type, where: Location | None = None) -> Expression:
    """The same bits as another type."""
    if value.type == type_:
        return value
    if isinstance(value, Constant):
        return Constant(where or value.location, type_, value.value)
    return Convert(where or value.location, type_, Conversion.RETYPE, value)


def common_type(f: Checker, left: Value, right: Value, expected: Any, where: Location) -> Any:
    """The type that two values share: for conditional expressions, min and max."""
    if expected is not None and not isinstance(expected, VoidType):
        return expected
    first, second = known_type(left), known_type(right)
    if first is None or second is None:
        known = first or second
        if known is None:
            return materialise(f, left).type
        if any(isinstance(side, HostValue) and side.object is None for side in (left, right)):
            return known if isinstance(known, OptionalType) else OptionalType(known)
        return known
    if first == second or isinstance(second, NeverType):
        return first
    if isinstance(first, NeverType):
        return second
    for candidate, other in ((first, second), (second, first)):
        if is_assignable(other, candidate):
            return candidate
        if isinstance(candidate, Int) and isinstance(plain(other), Int):
            if plain(other).signed == candidate.signed and plain(other).bits <= candidate.bits:
                return candidate
        if isinstance(candidate, OptionalType) and is_assignable(other, candidate):
            return candidate
    if isinstance(first, StructType) and isinstance(second, OptionalType) and second.inner == first:
        return second
    raise f.refuse(where, f"{first} and {second} have no type in common", "convert one on purpose")
