"""Attributes and subscripts: fields, packed fields, elements, and the places that can be stored to."""

from __future__ import annotations

import ast
import types as python_types
from typing import TYPE_CHECKING, Any

from codegen import layout
from codegen.check import atomics, calls, packed
from codegen.check.convert import coerce, describe, materialise, plain, retype
from codegen.check.values import BoundMethod, HostValue, PlaceValue, Value
from codegen.lang import TrapKind
from codegen.lang.slices import HostArray
from codegen.resolve import host_type, is_struct
from codegen.tree import (
    AddressOf,
    ArraySlice,
    Element,
    Expression,
    Field,
    Place,
    Read,
    ReadLocal,
    StaticPlace,
    Subslice,
    TupleElement,
)
from codegen.types import (
    U64,
    ArrayType,
    AtomicType,
    BitsType,
    EmbeddedType,
    EnumType,
    ErrorType,
    FunctionType,
    Int,
    InterfaceType,
    OptionalType,
    SliceType,
    StructType,
    TupleType,
    Type,
    UnitType,
    UserSliceType,
)

if TYPE_CHECKING:
    from codegen.check.function import Checker


def attribute(f: Checker, node: ast.Attribute) -> Value:
    return attribute_of(f, node, f.expression(node.value), node.attr)


def test_hint(tree: Expression) -> str:
    """How to test a value for None; a test of a field counts for nothing, as another CPU may change it."""
    if isinstance(tree, Read) and isinstance(tree.place, Field):
        name = tree.place.name
        return f"read it into a local, and test that: `{name} = x.{name}`, then `if {name} is not None`"
    if isinstance(tree, ReadLocal):
        return f"test it first: `if {tree.local.name} is not None`"
    return "keep it in a local, and test that: `if x is not None`"


def attribute_of(f: Checker, node: ast.expr, value: Value, name: str) -> Value:
    """`value.name`."""
    where = f.at(node)
    if isinstance(value, HostValue):
        if not is_struct(type(value.object)):
            return _host_attribute(f, node, value, name)
        value = materialise(f, value)
    if isinstance(value, PlaceValue):
        return atomics.atomic_method(f, node, value, name)
    tree = materialise(f, value)
    match tree.type:
        case StructType() as type_:
            field = layout.of(type_).fields.get(name)
            if field is not None:
                return read(f, Field(where, field.type, tree, name, field.offset, field.kind == "register"))
            return _class_attribute(f, node, tree, type_.cls, name)
        case BitsType(cls) if name in getattr(cls, "__fields__", ()):
            return packed.read_field(f, where, tree, cls, name)
        case BitsType(cls) | EnumType(cls) | UnitType(cls):
            if isinstance(tree.type, EnumType) and name == "value":
                return retype(tree, plain(tree.type), where)
            return _class_attribute(f, node, tree, cls, name)
        case InterfaceType() as type_:
            return _interface_attribute(f, node, tree, type_, name)
        case UserSliceType() if name in ("address", "length"):
            if name == "length":
                return TupleElement(where, U64, tree, 1)
            from codegen.lang import UserAddr

            return retype(TupleElement(where, U64, tree, 0), host_type(UserAddr), where)
        case ErrorType() if name == "code":
            return retype(tree, Int(32, True), where)
        case OptionalType(inner):
            raise f.refuse(node, f"{inner} | None may be None here", test_hint(tree))
    hint = ""
    if str(tree.type) in ("UserSlice", "UserAddr"):
        hint = "copy it with the functions of kernel/memory/user.py"
    raise f.refuse(node, f"{tree.type} has no attribute {name}", hint)


def _host_attribute(f: Checker, node: ast.expr, value: HostValue, name: str) -> Value:
    found = value.object
    if isinstance(found, StructType | BitsType | EnumType | UnitType | InterfaceType):
        found = found.cls
    try:
        result = getattr(found, name)
    except AttributeError:
        what = getattr(found, "__name__", type(found).__name__)
        raise f.refuse(node, f"{what} has no attribute {name}") from None
    if isinstance(result, python_types.MethodType):
        return _constant_method(f, node, value, result)
    return HostValue(f.at(node), result)


def _constant_method(f: Checker, node: ast.expr, value: HostValue, method: python_types.MethodType) -> Value:
    """A method of a constant: of a packed value or enum member it can be compiled; others run while compiling."""
    try:
        type_ = host_type(type(value.object))
    except TypeError:
        return HostValue(f.at(node), method)
    if isinstance(method.__func__, python_types.FunctionType) and isinstance(type_, BitsType | EnumType):
        if getattr(method.__func__, "__comptime__", False):
            return HostValue(f.at(node), method)
        return BoundMethod(f.at(node), materialise(f, value), method.__func__, type_)
    return HostValue(f.at(node), method)


def _class_attribute(f: Checker, node: ast.expr, tree: Expression, cls: Any, name: str) -> Value:
    """A method, property or class constant, found along the bases of the class."""
    where = f.at(node)
    for base in cls.__mro__:
        found = base.__dict__.get(name)
        if found is None and name not in base.__dict__:
            continue
        if isinstance(found, property):
            assert found.fget is not None
            method = BoundMethod(where, tree, found.fget, tree.type)
            return calls.invoke(f, node, method, [], [])
        if isinstance(found, python_types.FunctionType):
            return BoundMethod(where, tree, found, tree.type)
        if isinstance(found, staticmethod):
            return HostValue(where, found.__func__)
        if isinstance(found, classmethod):
            raise f.refuse(node, f"{name} is a class method", "make it a static method")
        return HostValue(where, found)
    known = [*getattr(cls, "__struct__", ()), *getattr(cls, "__fields__", ())]
    hint = f"{cls.__name__} has: {', '.join(known[:12])}" if known else ""
    raise f.refuse(node, f"{tree.type} has no attribute {name}", hint)


def _interface_attribute(f: Checker, node: ast.expr, tree: Expression, type_: InterfaceType, name: str) -> Value:
    for base in type_.cls.__mro__:
        found = base.__dict__.get(name)
        if isinstance(found, property):
            assert found.fget is not None
            method = BoundMethod(f.at(node), tree, found.fget, type_, InterfaceType(base))
            return calls.invoke(f, node, method, [], [])
        if isinstance(found, python_types.FunctionType):
            return BoundMethod(f.at(node), tree, found, type_, InterfaceType(base))
        if isinstance(found, (int, bytes, tuple)):
            return HostValue(f.at(node), found)
    raise f.refuse(node, f"the interface {type_} has no method {name}")


# Reading places ---------------------------------------------------------------------------------


def read(f: Checker, place: Place) -> Value:
    """The value at a place; an embedded struct gives its reference, an array the slice of all of it."""
    where = place.location
    match place.type:
        case EmbeddedType(struct):
            return AddressOf(where, struct, place)
        case ArrayType(element, length):
            return ArraySlice(where, SliceType(element, mutable=True), place, length)
        case AtomicType():
            return PlaceValue(where, place)
        case StructType() | InterfaceType() | FunctionType():
            return Read(where, place.type, place, TrapKind.NULL)
        case EnumType() if isinstance(place, Element) or getattr(place, "volatile", False):
            return Read(where, place.type, place)
    return Read(where, place.type, place)


# Subscripts -------------------------------------------------------------------------------------


def subscript(f: Checker, node: ast.Subscript) -> Value:
    base = f.expression(node.value)
    where = f.at(node)
    if isinstance(base, HostValue):
        constant = _constant_subscript(f, node, base)
        if constant is not None:
            return constant
    tree = materialise(f, base)
    if isinstance(tree.type, TupleType):
        return _tuple_subscript(f, node, tree)
    if isinstance(tree.type, SliceType):
        if isinstance(node.slice, ast.Slice):
            return _subslice(f, node, tree)
        return read(f, Element(where, tree.type.element, tree, index(f, node.slice), TrapKind.BOUNDS))
    if isinstance(tree.type, StructType) and hasattr(tree.type.cls, "__getitem__"):
        method = attribute_of(f, node, tree, "__getitem__")
        return calls.invoke(f, node, method, [node.slice], [])
    if isinstance(tree.type, OptionalType):
        raise f.refuse(node.value, f"{tree.type} may be None here", test_hint(tree))
    hint = "copy it in with kernel/memory/user.py first" if "User" in str(tree.type) else ""
    raise f.refuse(node.value, f"{tree.type} cannot be indexed", hint)


def index(f: Checker, node: ast.expr) -> Expression:
    """An index or a bound of a slice: a u64."""
    value = f.expression(node, U64)
    if isinstance(value, HostValue) and isinstance(value.object, int) and value.object < 0:
        raise f.refuse(node, f"the index {value.object} is negative", "count from the start: s[len(s) - 1]")
    if not isinstance(value, HostValue):
        type_ = plain(materialise(f, value).type)
        if isinstance(type_, Int) and type_.signed:
            raise f.refuse(node, f"the index is {type_}", "an index is unsigned: write u64(...)")
    return coerce(f, value, U64)


def _subslice(f: Checker, node: ast.Subscript, tree: Expression) -> Value:
    part = node.slice
    assert isinstance(part, ast.Slice)
    if part.step is not None:
        raise f.refuse(part.step, "a slice has no step", "write a loop")
    if part.lower is None and part.upper is None:
        return tree
    start = None if part.lower is None else index(f, part.lower)
    stop = None if part.upper is None else index(f, part.upper)
    return Subslice(f.at(node), tree.type, tree, start, stop, TrapKind.BOUNDS)


def _tuple_subscript(f: Checker, node: ast.Subscript, tree: Expression) -> Value:
    assert isinstance(tree.type, TupleType)
    value = f.expression(node.slice)
    if isinstance(value, HostValue) and isinstance(value.object, int):
        if 0 <= value.object < len(tree.type.elements):
            return TupleElement(f.at(node), tree.type.elements[value.object], tree, value.object)
    raise f.refuse(node.slice, f"{tree.type} is indexed by a constant only", "take it apart: a, b = ...")


def _constant_subscript(f: Checker, node: ast.Subscript, base: HostValue) -> Value | None:
    found = base.object
    if isinstance(found, HostArray) or is_struct(type(found)):
        return None
    if isinstance(found, (type, StructType)):
        return HostValue(f.at(node), f.frame.annotations.type(node))
    if isinstance(node.slice, ast.Slice):
        bounds = [_constant_bound(f, part) for part in (node.slice.lower, node.slice.upper)]
        if all(isinstance(bound, (int, type(None))) for bound in bounds) and node.slice.step is None:
            return HostValue(f.at(node), found[bounds[0] : bounds[1]])
        return None
    key = f.expression(node.slice)
    if isinstance(key, HostValue):
        try:
            return HostValue(f.at(node), found[key.object])
        except (KeyError, IndexError, TypeError):
            raise f.refuse(node, f"the constant has no element {key.object!r}") from None
    if isinstance(found, tuple):
        return _table(f, node, base, key)
    if isinstance(found, bytes):
        return None
    raise f.refuse(node.value, f"{describe(base)} cannot be indexed at run time", "make it a tuple")


def _constant_bound(f: Checker, node: ast.expr | None) -> Any:
    if node is None:
        return None
    value = f.expression(node)
    return value.object if isinstance(value, HostValue) else value


def _table(f: Checker, node: ast.Subscript, base: HostValue, key: Value) -> Value:
    """A tuple of constants indexed at run time: a table in .rodata."""
    static = f.program.statics.table(f, base)
    type_ = static.type
    assert isinstance(type_, ArrayType)
    where = f.at(node)
    place = StaticPlace(where, type_, static)
    whole = ArraySlice(where, SliceType(type_.element, mutable=False), place, type_.length)
    element = Element(where, type_.element, whole, coerce(f, key, U64), TrapKind.BOUNDS)
    return Read(where, type_.element, element)


# Places to store to -----------------------------------------------------------------------------


def place(f: Checker, node: ast.Attribute | ast.Subscript) -> Place:
    """The place that an assignment to an attribute or element stores to."""
    where = f.at(node)
    if isinstance(node, ast.Subscript):
        return _element_place(f, node)
    value = f.expression(node.value)
    if isinstance(value, HostValue) and not is_struct(type(value.object)):
        hint = "keep state in a module-level struct and set a field of it"
        raise f.refuse(node, f"{node.attr} of a constant cannot be set", hint)
    tree = materialise(f, value)
    if isinstance(tree.type, BitsType):
        hint = f"use replace(value, {node.attr}=...) and store the result"
        raise f.refuse(node, f"{tree.type} is immutable", hint)
    if isinstance(tree.type, OptionalType):
        raise f.refuse(node.value, f"{tree.type} may be None here", test_hint(tree))
    if not isinstance(tree.type, StructType):
        raise f.refuse(node, f"{tree.type} has no field that can be set")
    field = layout.of(tree.type).fields.get(node.attr)
    if field is None:
        raise f.refuse(node, f"{tree.type} has no field {node.attr}")
    _not_embedded(f, node, field.type)
    return Field(where, field.type, tree, node.attr, field.offset, field.kind == "register")


def _element_place(f: Checker, node: ast.Subscript) -> Place:
    tree = materialise(f, f.expression(node.value))
    if not isinstance(tree.type, SliceType):
        raise f.refuse(node.value, f"{tree.type} has no elements that can be set")
    if not tree.type.mutable:
        raise f.refuse(node, f"{tree.type} is read-only", "take it as a MutableSlice")
    if isinstance(node.slice, ast.Slice):
        raise f.refuse(node, "a part of a slice cannot be assigned", "write copy(s[a:b], source)")
    _not_embedded(f, node, tree.type.element)
    return Element(f.at(node), tree.type.element, tree, index(f, node.slice), TrapKind.BOUNDS)


def _not_embedded(f: Checker, node: ast.expr, type_: Type) -> None:
    if isinstance(type_, EmbeddedType):
        raise f.refuse(node, f"{type_} is embedded here and is never copied", "set its fields one by one")
    if isinstance(type_, ArrayType):
        raise f.refuse(node, f"{type_} is embedded here and is never copied", "use copy() or fill()")
    if isinstance(type_, AtomicType):
        raise f.refuse(node, f"{type_} is set by its methods", "use store()")
