"""Static storage: what the build left at module level, as bytes and relocations."""

from __future__ import annotations

import sys
import types as python_types
from typing import TYPE_CHECKING, Any

from codegen import layout
from codegen.check.values import HostValue
from codegen.diagnostics import refuse
from codegen.lang.atomic import Atomic
from codegen.lang.slices import HostArray
from codegen.lang.structs import FieldReference
from codegen.layout import FieldLayout
from codegen.resolve import Annotations, embed, has_variables, host_type, is_struct, type_parameters
from codegen.source import ModuleSource, module_source, modules_by_object
from codegen.tree import (
    AddressOf,
    Expression,
    Field,
    Function,
    Location,
    Relocation,
    Static,
    StaticAddress,
    StaticKind,
)
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
    UserSliceType,
)

if TYPE_CHECKING:
    from codegen.check.function import Checker
    from codegen.check.program import Program


class Image:
    """The bytes of one static while they are written."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.content: bytearray | None = None
        self.relocations: list[Relocation] = []

    def put(self, offset: int, value: int, size: int) -> None:
        if value:
            if self.content is None:
                self.content = bytearray(self.size)
            self.content[offset : offset + size] = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")

    def point(self, offset: int, target: Static | Function, addend: int = 0) -> None:
        self.relocations.append(Relocation(offset, target, addend))

    def finish(self, static: Static) -> None:
        if self.relocations and self.content is None:
            self.content = bytearray(self.size)
        static.image = bytes(self.content) if self.content is not None else b""
        static.relocations = self.relocations


class Statics:
    """Every static of one program, found by the identity of the host object."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.all: list[Static] = []
        self.by_object: dict[int, tuple[Static, int, StructType]] = {}
        self.arrays: dict[int, Static] = {}
        self.tables: dict[tuple[int, Any], Static] = {}
        self.templates: dict[StructType, Static | None] = {}
        self.texts: dict[bytes, Static] = {}
        self.keep: list[Any] = []  # the host objects whose identity is a key
        self.waiting: list[tuple[Static, Any, Any, Location]] = []
        self.indexed: dict[str, dict[int, tuple[str, Any]]] = {}
        self.holders: tuple[Any, dict[int, set[str]]] | None = None

    # Naming -------------------------------------------------------------------------------------

    def _index(self, source: ModuleSource) -> dict[int, tuple[str, Any]]:
        found = self.indexed.get(source.name)
        if found is None:
            values = vars(source.module)
            found = {
                id(values[name]): (name, annotation)
                for name, annotation in source.assigned.items()
                if name in values and _is_storage(values[name])
            }
            self.indexed[source.name] = found
        return found

    def _name(self, found: Any, fallback: str) -> tuple[str, str, Any]:
        """The module and symbol of a module-level object, and its annotation."""
        for module in (*self.program.modules(), *self._other_holders(found)):
            source = module_source(module)
            entry = self._index(source).get(id(found))
            if entry is not None:
                annotation = entry[1]
                type_ = None
                if annotation is not None:
                    type_ = Annotations(source, "<module>").type(annotation)
                return source.name, f"{source.name}.{entry[0]}", type_
        module = getattr(type(found), "__module__", "")
        return module if module in sys.modules else "kernel", self.program.unique_symbol(fallback), None

    def _other_holders(self, found: Any) -> list[str]:
        """Modules that have the object under some name, though none of their functions was reached yet."""
        packages = frozenset(module.partition(".")[0] for module in self.program.modules())
        key = len(sys.modules), packages
        if self.holders is None or self.holders[0] != key:
            self.holders = key, modules_by_object(packages)
        return sorted(self.holders[1].get(id(found), ()))

    # Objects ------------------------------------------------------------------------------------

    def locate(self, found: Any, where: Location) -> tuple[Static, int, StructType]:
        """The static that a host struct is in, its offset there, and its type."""
        known = self.by_object.get(id(found))
        if known is not None:
            return known
        cls = type(found)
        module, symbol, type_ = self._name(found, f"{cls.__module__}.{cls.__qualname__}#static")
        if not isinstance(type_, StructType):
            type_ = _struct_type(found)
        if has_variables(type_):
            raise refuse(where, f"the types of this {cls.__name__} are not known", "annotate it where it is set")
        struct_layout = layout.of(type_)
        static = Static(symbol, module, StaticKind.DATA, struct_layout.size, struct_layout.align)
        static.type = EmbeddedType(type_)
        static.host = found
        static.host = found
        self._adopt(found, static, 0, type_)
        self._add(static, found, EmbeddedType(type_), where)
        return static, 0, type_

    def _adopt(self, found: Any, static: Static, offset: int, type_: StructType) -> None:
        """Note where a struct is, and the structs embedded in it."""
        self.by_object[id(found)] = (static, offset, type_)
        self.keep.append(found)
        values = vars(found)
        for name, field in layout.of(type_).fields.items():
            value = values.get(name)
            if isinstance(field.type, EmbeddedType) and value is not None:
                self._adopt(value, static, offset + field.offset, field.type.struct)
            elif isinstance(field.type, ArrayType) and isinstance(field.type.element, EmbeddedType):
                size = layout.measure(field.type.element)[0]
                for index, element in enumerate(value.cells if value is not None else ()):
                    place = offset + field.offset + index * size
                    self._adopt(element, static, place, field.type.element.struct)

    def reference(self, where: Location, static: Static, offset: int, type_: StructType) -> Expression:
        """The reference to a struct inside a static."""
        if offset == 0 and static.type == EmbeddedType(type_):
            return StaticAddress(where, type_, static)
        outer: Any = static.type
        base = StaticAddress(where, outer.struct if isinstance(outer, EmbeddedType) else type_, static)
        return AddressOf(where, type_, Field(where, EmbeddedType(type_), base, "embedded", offset))

    def array(self, found: HostArray[Any], where: Location) -> Static:
        """The static of a module-level array."""
        known = self.arrays.get(id(found))
        if known is not None:
            return known
        element = embed(host_type(found.kind))
        module, symbol, _ = self._name(found, "array#static")
        type_ = ArrayType(element, len(found))
        size, align = layout.measure(type_)
        static = Static(symbol, module, StaticKind.DATA, size, align, type=type_, host=found)
        self.arrays[id(found)] = static
        self.keep.append(found)
        self._add(static, found, type_, where)
        return static

    def table(self, f: Checker, value: HostValue) -> Static:
        """The constant array that a tuple becomes when it is indexed at run time."""
        found: tuple[Any, ...] = value.object
        element = _element_type(f, value, found)
        key = (id(found), element)
        known = self.tables.get(key)
        if known is not None:
            return known
        type_ = ArrayType(element, len(found))
        size, align = layout.measure(type_)
        module = f.frame.source.module.name
        symbol = self.program.unique_symbol(f"{f.function.symbol}#table")
        static = Static(symbol, module, StaticKind.CONSTANT, size, align, type=type_)
        self.tables[key] = static
        self.keep.append(found)
        self._add(static, found, type_, value.location)
        return static

    def text(self, data: bytes, module: str) -> Static:
        """Constant bytes with an address."""
        known = self.texts.get(data)
        if known is None:
            symbol = self.program.unique_symbol(f"{module}.text")
            known = Static(symbol, module, StaticKind.CONSTANT, len(data), 1, data)
            self.texts[data] = known
            self.all.append(known)
        return known

    def template(self, type_: StructType, where: Location) -> Static | None:
        """What a struct is like before anything is set: None when all of it is zero."""
        if type_ in self.templates:
            return self.templates[type_]
        found = layout.of(type_)
        image = Image(found.size)
        static = Static("", type_.cls.__module__, StaticKind.CONSTANT, found.size, found.align)
        writer = Writer(self, image, where, static.module)
        writer.defaults(type_, 0)
        image.finish(static)
        if not static.image and not static.relocations:
            self.templates[type_] = None
            return None
        static.symbol = self.program.unique_symbol(f"{self.program.struct_symbol(type_)}#template")
        self.templates[type_] = static
        self.all.append(static)
        return static

    def _add(self, static: Static, found: Any, type_: Any, where: Location) -> None:
        self.program.symbols.add(static.symbol)
        self.all.append(static)
        self.waiting.append((static, found, type_, where))

    def write_waiting(self) -> bool:
        """Write the statics found since the last time; says whether there were any."""
        waiting, self.waiting = self.waiting, []
        for static, found, type_, where in waiting:
            image = Image(static.size)
            Writer(self, image, where, static.module).value(found, type_, 0, static.symbol)
            image.finish(static)
        return bool(waiting)


def _is_storage(found: Any) -> bool:
    return is_struct(type(found)) or isinstance(found, HostArray)


def _struct_type(found: Any) -> StructType:
    cls = type(found)
    arguments = getattr(found, "__type_arguments__", ())
    if type_parameters(cls) and arguments:
        return StructType(cls, tuple(map(host_type, arguments)))
    type_ = host_type(cls)
    assert isinstance(type_, StructType)
    return type_


def _element_type(f: Checker, value: HostValue, found: tuple[Any, ...]) -> Any:
    """The type that all elements of a constant tuple have."""
    from codegen.check.convert import materialise

    if not found:
        raise f.refuse(value.location, "an empty tuple is indexed")
    if all(type(element) is int for element in found):
        from codegen.types import I64, U64

        return U64 if min(found) >= 0 else I64
    types = {materialise(f, HostValue(value.location, element)).type for element in found if element is not None}
    if len(types) != 1:
        shown = ", ".join(sorted(map(str, types))[:3])
        raise f.refuse(value.location, f"the elements of this tuple have different types: {shown}")
    only = types.pop()
    return OptionalType(only) if None in found else only


class Writer:
    """Writes host values into one image."""

    def __init__(self, statics: Statics, image: Image, where: Location, module: str) -> None:
        self.statics = statics
        self.program = statics.program
        self.image = image
        self.where = where
        self.module = module

    def value(self, found: Any, type_: Any, offset: int, path: str) -> None:
        """The value `found` of a place of `type_` at `offset`."""
        match type_:
            case EmbeddedType(struct):
                self._struct(found, struct, offset, path)
            case ArrayType(element, _):
                self._array(found, element, offset, path)
            case AtomicType(inner):
                self.value(found.value if isinstance(found, Atomic) else found, inner, offset, path)
            case OptionalType() | StructType() | InterfaceType() | FunctionType():
                self._reference(found, type_, offset, path)
            case SliceType():
                self._slice(found, offset, path)
            case UserSliceType():
                self.image.put(offset, int(found.address), 8)
                self.image.put(offset + 8, found.length, 8)
            case _:
                self.image.put(offset, self._integer(found, path), layout.measure(type_)[0])

    def _integer(self, found: Any, path: str) -> int:
        if isinstance(found, FieldReference):
            return layout.offset_of(found.owner, found.name)
        if hasattr(found, "__raw__"):
            return int(found.__raw__)
        if isinstance(found, int):
            return int(found)
        if found is None:
            return 0
        raise refuse(self.where, f"{path} holds {found!r}, which has no bytes")

    def _struct(self, found: Any, struct: StructType, offset: int, path: str) -> None:
        found_layout = layout.of(struct)
        if found_layout.has_vtable:
            self.image.point(offset, self.program.vtable(struct))
        values = vars(found)
        for name, field in found_layout.fields.items():
            if name in values:
                self.value(values[name], field.type, offset + field.offset, f"{path}.{name}")

    def _array(self, found: HostArray[Any], element: Any, offset: int, path: str) -> None:
        cells: Any = found.cells if hasattr(found, "cells") else found
        size = layout.measure(element)[0]
        if isinstance(cells, list) and isinstance(element, (BoolType,)) is False and _all_zero(cells):
            return
        for index, value in enumerate(cells):
            self.value(value, element, offset + index * size, f"{path}[{index}]")

    def _reference(self, found: Any, type_: Any, offset: int, path: str) -> None:
        if found is None or (isinstance(found, int) and found == 0):
            return
        inner = type_.inner if isinstance(type_, OptionalType) else type_
        if isinstance(inner, FunctionType):
            if not isinstance(found, python_types.FunctionType):
                raise refuse(self.where, f"{path} holds {found!r}, which is not a function")
            self.image.point(offset, self.program.adapted(found, inner, self.where))
            return
        if not is_struct(type(found)):
            raise refuse(self.where, f"{path} holds {found!r}, which is not a struct")
        static, addend, _ = self.statics.locate(found, self.where)
        self.image.point(offset, static, addend)

    def _slice(self, found: Any, offset: int, path: str) -> None:
        if isinstance(found, (bytes, bytearray)):
            if found:
                self.image.point(offset, self.statics.text(bytes(found), self.module))
            self.image.put(offset + 8, len(found), 8)
        elif isinstance(found, HostArray):
            self.image.point(offset, self.statics.array(found, self.where))
            self.image.put(offset + 8, len(found), 8)
        elif found is not None:
            raise refuse(self.where, f"{path} holds {type(found).__name__}, not bytes or an array")

    # Defaults -----------------------------------------------------------------------------------

    def defaults(self, struct: StructType, offset: int) -> None:
        """A struct as its field declarations begin it."""
        found = layout.of(struct)
        if found.has_vtable:
            self.image.point(offset, self.program.vtable(struct))
        for field in found.fields.values():
            self._default(struct, field, offset + field.offset)

    def _default(self, struct: StructType, field: FieldLayout, offset: int) -> None:
        path = f"{struct}.{field.name}"
        if field.kind == "inline":
            if field.default is not None:
                self.value(field.default, field.type, offset, path)
            elif isinstance(field.type, EmbeddedType):
                self.defaults(field.type.struct, offset)
        elif field.kind == "inline_array":
            assert isinstance(field.type, ArrayType)
            element = field.type.element
            assert isinstance(element, EmbeddedType)
            size = layout.measure(element)[0]
            for index in range(field.type.length):
                self.defaults(element.struct, offset + index * size)
        elif field.kind == "value":
            self.value(field.default, field.type, offset, path)


def _all_zero(cells: list[Any]) -> bool:
    first = cells[0] if cells else None
    if not (first is None or isinstance(first, int)):
        return False
    return not any(cells)
