"""Intrinsics on memory: objects on the stack and at addresses, slices, unaligned access."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codegen import lang, layout
from codegen.check.convert import coerce, describe, materialise, plain, retype
from codegen.check.values import HostValue, PlaceValue, Value
from codegen.lang import TrapKind
from codegen.resolve import embed, has_variables
from codegen.tree import (
    AddressOf,
    Binary,
    BinaryOperator,
    Constant,
    Construct,
    Conversion,
    Convert,
    CopySlice,
    Expression,
    FillSlice,
    Location,
    MakeSlice,
    Read,
    SliceAddress,
    SliceView,
    StackStorage,
    Store,
    Unaligned,
)
from codegen.types import (
    BYTES,
    U8,
    U64,
    VOID,
    EmbeddedType,
    FunctionType,
    Int,
    InterfaceType,
    OptionalType,
    SliceType,
    StructType,
    UnitType,
)

if TYPE_CHECKING:
    from codegen.check.function import Checker
    from codegen.check.intrinsics import Request

MUTABLE_BYTES = SliceType(U8, mutable=True)


def _struct_argument(f: Checker, argument: Any, name: str, expected: Any = None) -> StructType:
    from codegen.check.intrinsics import type_argument

    type_ = type_argument(f, argument)
    if not isinstance(type_, StructType):
        raise f.refuse(f.at(argument), f"{name} makes a struct, not {type_}")
    if has_variables(type_):
        if isinstance(expected, StructType) and expected.cls is type_.cls:
            return expected
        raise f.refuse(f.at(argument), f"{type_.cls.__name__} is generic", "name its types: Link[Thread]")
    return type_


def address(f: Checker, argument: Any) -> Expression:
    """An address: a u64, or a unit that the kernel may dereference."""
    from codegen.check.intrinsics import value_of

    value = value_of(f, argument, U64)
    type_ = getattr(value, "type", None)
    if isinstance(type_, UnitType) and type_.cls is lang.UserAddr:
        hint = "copy it with the functions of kernel/memory/user.py"
        raise f.refuse(value.location, "a UserAddr is never dereferenced", hint)
    return coerce(f, value, U64)


def _construct(f: Checker, where: Location, type_: StructType, at: Expression) -> Expression:
    size = layout.of(type_).size
    return Construct(where, type_, at, size, f.program.statics.template(type_, where))


def _local(f: Checker, request: Request) -> Value:
    (kind,) = request.take(f, "local", 1)
    type_ = _struct_argument(f, kind, "local", request.expected)
    found = layout.of(type_)
    storage = StackStorage(request.where, type_, found.size, found.align)
    return _construct(f, request.where, type_, storage)


def _local_array(f: Checker, request: Request) -> Value:
    from codegen.check.intrinsics import constant_argument, type_argument

    kind, count = request.take(f, "local_array", 2)
    element = type_argument(f, kind)
    length = constant_argument(f, count, int, "the length of a local_array")
    size, align = layout.measure(embed(element))
    where = request.where
    slice_type = SliceType(embed(element), mutable=True)
    if isinstance(element, StructType):
        raise f.refuse(where, f"a local_array of {element}", "put the array in a struct: local(...)")
    storage = StackStorage(where, U64, size * length, align)
    cleared = Construct(where, U64, storage, size * length, None)
    return MakeSlice(where, slice_type, cleared, Constant(where, U64, length))


def _construct_at(f: Checker, request: Request) -> Value:
    kind, place = request.take(f, "construct", 2)
    type_ = _struct_argument(f, kind, "construct", request.expected)
    return _construct(f, request.where, type_, address(f, place))


def _reference(f: Checker, request: Request) -> Value:
    from codegen.check.intrinsics import type_argument

    kind, place = request.take(f, "reference", 2)
    type_ = type_argument(f, kind)
    if not isinstance(type_, (StructType, InterfaceType, FunctionType)):
        raise f.refuse(request.where, f"reference gives a struct, not {type_}", f"use slice_at({type_}, ...)")
    return Convert(request.where, type_, Conversion.ADDRESS_TO_REFERENCE, address(f, place))


def _address_of(f: Checker, request: Request) -> Value:
    from codegen.check.intrinsics import value_of

    (argument,) = request.take(f, "address_of", 1)
    value = value_of(f, argument)
    if isinstance(value, PlaceValue):
        return AddressOf(request.where, U64, value.place)
    tree = materialise(f, value)
    if isinstance(tree.type, SliceType):
        return SliceAddress(request.where, U64, tree)
    if isinstance(tree.type, (StructType, InterfaceType, FunctionType, OptionalType)):
        return Convert(request.where, U64, Conversion.REFERENCE_TO_ADDRESS, tree)
    raise f.refuse(request.where, f"{describe(value)} has no address", "only structs, slices and functions have")


def _slice_at(f: Checker, request: Request) -> Value:
    from codegen.check.intrinsics import type_argument, value_of

    kind, place, count = request.take(f, "slice_at", 3)
    slice_type = SliceType(embed(type_argument(f, kind)), mutable=True)
    length = coerce(f, value_of(f, count, U64), U64)
    return MakeSlice(request.where, slice_type, address(f, place), length)


def _slice_argument(f: Checker, argument: Any, wanted: SliceType | None) -> Expression:
    from codegen.check.intrinsics import value_of

    tree = materialise(f, value_of(f, argument))
    if not isinstance(tree.type, SliceType):
        raise f.refuse(tree.location, f"{tree.type} is not a slice")
    return tree if wanted is None else coerce(f, tree, wanted)


def _copy(f: Checker, request: Request) -> Value:
    destination, source = request.take(f, "copy", 2)
    target = _slice_argument(f, destination, None)
    assert isinstance(target.type, SliceType)
    _need_mutable(f, target)
    content = _slice_argument(f, source, SliceType(target.type.element, mutable=False))
    return CopySlice(request.where, VOID, target, content, TrapKind.BOUNDS)


def _fill(f: Checker, request: Request) -> Value:
    from codegen.check.intrinsics import value_of

    destination, argument = request.take(f, "fill", 2)
    target = _slice_argument(f, destination, None)
    assert isinstance(target.type, SliceType)
    _need_mutable(f, target)
    element = target.type.element
    if isinstance(element, EmbeddedType):
        raise f.refuse(request.where, f"{element} is never copied", "set the fields in a loop")
    return FillSlice(request.where, VOID, target, coerce(f, value_of(f, argument, element), element))


def _need_mutable(f: Checker, target: Expression) -> None:
    assert isinstance(target.type, SliceType)
    if not target.type.mutable:
        raise f.refuse(target.location, f"{target.type} is read-only", "take it as a MutableSlice")


def _integer_argument(f: Checker, argument: Any, name: str) -> Any:
    from codegen.check.intrinsics import type_argument

    type_ = type_argument(f, argument)
    if not isinstance(plain(type_), Int):
        raise f.refuse(f.at(argument), f"{name} takes an integer type, not {type_}")
    return type_


def _load(f: Checker, request: Request) -> Value:
    from codegen.check.access import index

    kind, content, offset = request.take(f, "load", 3)
    type_ = _integer_argument(f, kind, "load")
    tree = _slice_argument(f, content, BYTES)
    number = plain(type_)
    place = Unaligned(request.where, number, tree, index(f, offset), TrapKind.BOUNDS)
    raw = Read(request.where, number, place)
    if type_ != number and not isinstance(type_, UnitType) and not getattr(type_, "is_flag", False):
        return Convert(request.where, type_, Conversion.TO_ENUM, raw, TrapKind.ENUM)
    return retype(raw, type_, request.where)


def _store(f: Checker, request: Request) -> Value:
    from codegen.check.access import index
    from codegen.check.intrinsics import value_of

    f.need_alone(request.node, "store")
    kind, content, offset, argument = request.take(f, "store", 4)
    type_ = _integer_argument(f, kind, "store")
    tree = _slice_argument(f, content, MUTABLE_BYTES)
    place = Unaligned(request.where, plain(type_), tree, index(f, offset), TrapKind.BOUNDS)
    value = retype(coerce(f, value_of(f, argument, type_), type_), plain(type_))
    f.emit(Store(request.where, place, value))
    return HostValue(request.where, None)


def _view(f: Checker, request: Request) -> Value:
    kind, content = request.take(f, "view", 2)
    type_ = _integer_argument(f, kind, "view")
    tree = _slice_argument(f, content, MUTABLE_BYTES)
    return SliceView(request.where, SliceType(type_, mutable=True), tree, TrapKind.BOUNDS)


def _field_at(f: Checker, request: Request) -> Value:
    from codegen.check.intrinsics import value_of

    kind, owner, offset = request.take(f, "field_at", 3)
    type_ = _struct_argument(f, kind, "field_at", request.expected)
    tree = materialise(f, value_of(f, owner))
    if not isinstance(tree.type, (StructType, InterfaceType)):
        raise f.refuse(tree.location, f"{tree.type} is not a struct")
    where = request.where
    start = Convert(where, U64, Conversion.REFERENCE_TO_ADDRESS, tree)
    distance = coerce(f, value_of(f, offset, U64), U64)
    place = Binary(where, U64, BinaryOperator.ADD, start, distance)
    return Convert(where, type_, Conversion.ADDRESS_TO_REFERENCE, place)


TABLE: dict[Any, Any] = {
    lang.local: _local,
    lang.local_array: _local_array,
    lang.construct: _construct_at,
    lang.reference: _reference,
    lang.address_of: _address_of,
    lang.slice_at: _slice_at,
    lang.copy: _copy,
    lang.fill: _fill,
    lang.load: _load,
    lang.store: _store,
    lang.view: _view,
    lang.field_at: _field_at,
}
