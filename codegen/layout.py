"""Where the fields of a struct are: the natural C layout of the x86-64 System V ABI, section 3.1.2.

Used by the compiler, by the stubs of `boot/` (offsets in assembly text) and by the inspector.
A struct that implements an interface begins with the pointer to its vtable.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from codegen import lang
from codegen.diagnostics import refuse
from codegen.lang.structs import FieldSpec
from codegen.resolve import Annotations, field_annotations, host_type, type_parameters
from codegen.source import locate
from codegen.types import (
    ArrayType,
    AtomicType,
    BoolType,
    EmbeddedType,
    FunctionType,
    InterfaceType,
    OptionalType,
    SliceType,
    StructType,
    Type,
    UserSliceType,
)


@dataclass(frozen=True, slots=True)
class FieldLayout:
    name: str
    offset: int
    type: Type
    kind: str  # of codegen.lang.structs.FieldSpec: value, reference, inline, array, inline_array, register
    default: Any


@dataclass(slots=True)
class StructLayout:
    size: int = 0
    align: int = 1
    has_vtable: bool = False
    fields: dict[str, FieldLayout] = field(default_factory=dict)


def of(struct: Any) -> StructLayout:
    """The layout of a `@struct` class, of a generic one with its arguments, or of a StructType."""
    type_ = struct if isinstance(struct, StructType) else host_type(struct)
    if not isinstance(type_, StructType):
        raise TypeError(f"{type_} is not a struct")
    return _layout(type_)


def size_of(kind: Any) -> int:
    """Bytes of one `kind`: a type, or a host object that stands for one."""
    return measure(kind if isinstance(kind, Type | EmbeddedType) else host_type(kind), value=False)[0]


def align_of(kind: Any) -> int:
    """Alignment in bytes of one `kind`."""
    return measure(kind if isinstance(kind, Type | EmbeddedType) else host_type(kind), value=False)[1]


def offset_of(struct: Any, name: str) -> int:
    """Byte offset of a field; a dotted name goes into embedded structs."""
    layout, offset = of(struct), 0
    *outer, last = name.split(".")
    for part in outer:
        entry = layout.fields[part]
        assert isinstance(entry.type, EmbeddedType)
        offset += entry.offset
        layout = of(entry.type.struct)
    return offset + layout.fields[last].offset


def measure(type_: Any, *, value: bool = True) -> tuple[int, int]:
    """(size, alignment) of a place of this type; a StructType is its reference, or itself unless `value`."""
    match type_:
        case BoolType():
            return 1, 1
        case StructType() if not value:
            layout = _layout(type_)
            return layout.size, layout.align
        case StructType() | InterfaceType() | OptionalType() | FunctionType():
            return 8, 8
        case SliceType() | UserSliceType():
            return 16, 8
        case EmbeddedType(struct):
            layout = _layout(struct)
            return layout.size, layout.align
        case ArrayType(element, length):
            size, align = measure(element)
            return size * length, align
        case AtomicType(inner):
            return measure(inner)
    bits = getattr(type_, "bits", 0)
    if bits not in (8, 16, 32, 64):
        raise TypeError(f"{type_} cannot be stored in memory")
    return bits // 8, bits // 8


@cache
def _layout(struct: StructType) -> StructLayout:
    cls = struct.cls
    layout = StructLayout(has_vtable=issubclass(cls, lang.Interface))
    packed = cls.__struct_packed__
    end = 8 if layout.has_vtable else 0
    if layout.has_vtable and not packed:
        layout.align = 8
    module, nodes = field_annotations(cls)
    bindings = dict(zip(type_parameters(cls), struct.arguments, strict=False))
    annotations = Annotations(module, cls.__qualname__, bindings)
    for name, spec in cls.__struct__.items():
        node = nodes[name]
        try:
            type_ = _field_type(annotations.type(node.annotation), spec, isinstance(node.value, ast.Call))
            size, align = measure(type_)
        except TypeError as error:
            message, _, hint = str(error).partition("; write ")
            hint = hint and f"write {name}: {hint}"
            raise refuse(annotations.at(node.annotation), f"{cls.__name__}.{name}: {message}", hint) from None
        if packed:
            align = 1
        offset = (end + align - 1) // align * align if spec.offset is None else spec.offset
        layout.fields[name] = FieldLayout(name, offset, type_, spec.kind, spec.default)
        end = max(end, offset + size)
        layout.align = max(layout.align, align)
    layout.size = (end + layout.align - 1) // layout.align * layout.align
    if cls.__struct_size__ is not None and cls.__struct_size__ != layout.size:
        if layout.size > cls.__struct_size__ or packed:
            place = locate(module.file, module.classes[cls.__qualname__], cls.__qualname__)
            place = place._replace(end_line=place.line, end_column=place.column + len(f"class {cls.__name__}"))
            message = f"{cls.__name__} takes {layout.size} bytes, not {cls.__struct_size__}"
            raise refuse(place, message, "the fields so far end there; correct size= or the fields")
        layout.size = cls.__struct_size__
    return layout


def _field_type(annotated: Any, spec: FieldSpec, made_here: bool) -> Any:
    """The type of the place that a field is, from its annotation and how it was initialised."""
    if spec.kind == "inline" and isinstance(annotated, StructType):
        return EmbeddedType(annotated)
    if isinstance(annotated, ArrayType):
        if spec.kind == "inline_array":
            assert isinstance(annotated.element, StructType)
            return ArrayType(EmbeddedType(annotated.element), spec.count)
        if spec.kind != "array":
            raise TypeError(f"the length of an Array stands in its initialiser; write {annotated} = array(16)")
        return ArrayType(annotated.element, spec.count)
    if isinstance(annotated, AtomicType) and spec.kind != "inline":
        raise TypeError("an Atomic is embedded: initialise it with inline()")
    if spec.kind == "value" and isinstance(annotated, StructType) and made_here:
        raise TypeError(f"this {annotated} would be one, shared by all; write {annotated} = inline()")
    if spec.kind == "inline" and not isinstance(annotated, AtomicType):
        raise TypeError(f"inline() embeds a struct; {annotated} is not one")
    return annotated
