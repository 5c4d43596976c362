"""Values between CPython and an emulated memory: the arguments and results of `codegen.run`.

`Marshaller.words` turns a host value into the 64-bit words that stand for it, copying what it refers to
into memory; `value` turns words back; `copy_back` brings what the code has changed in the copied objects
home to the host's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from codegen import layout
from codegen.lang import UserAddr, UserSlice, u8
from codegen.lang.enums import PackedValue, from_raw
from codegen.lang.numbers import IntType
from codegen.lang.slices import ByteCells, HostSlice
from codegen.lang.structs import FieldReference
from codegen.resolve import host_type
from codegen.sandbox import Sandbox
from codegen.types import (
    ArrayType,
    AtomicType,
    BitsType,
    BoolType,
    EmbeddedType,
    EnumType,
    FunctionType,
    Int,
    IntegerLike,
    InterfaceType,
    OptionalType,
    SliceType,
    StructType,
    TupleType,
    UnitType,
    UserSliceType,
    VoidType,
)

WORD = 8


@dataclass
class Marshaller:
    """One call's copies."""

    memory: Sandbox
    vtables: Mapping[type, int]
    """The address of the vtable of each struct that implements an interface."""

    functions: Mapping[str, int]
    """The addresses of functions by symbol."""

    statics: Iterable[tuple[Any, StructType, int]]
    """Module-level objects of the program, their types and addresses: these are not copied."""

    _addresses: dict[int, int] = field(default_factory=dict)
    _objects: dict[int, Any] = field(default_factory=dict)
    _structs: list[tuple[Any, StructType, int]] = field(default_factory=list)
    _slices: list[tuple[Any, SliceType, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for value, type_, address in self.statics:
            self._adopt(value, type_, address)

    def words(self, value: Any, type_: Any) -> list[int]:
        """The words that `value` is passed as."""
        match type_:
            case SliceType():
                return [self._slice(value, type_), len(value)]
            case UserSliceType():
                return [int(value.address), int(value.length)]
            case TupleType(elements):
                pairs = zip(value, elements, strict=True)
                return [word for entry, element in pairs for word in self.words(entry, element)]
            case VoidType():
                return []
        return [self._scalar(value, type_) & 0xFFFF_FFFF_FFFF_FFFF]

    def value(self, words: list[int], type_: Any) -> Any:
        """The host value of the words at the front of `words`, which are taken off."""
        match type_:
            case VoidType():
                return None
            case SliceType(element, _):
                return self._view(words.pop(0), words.pop(0), element)
            case UserSliceType():
                return UserSlice(UserAddr(words.pop(0)), words.pop(0))
            case TupleType(elements):
                return tuple([self.value(words, element) for element in elements])
        return self._host_scalar(words.pop(0), type_)

    def copy_back(self) -> None:
        """Bring the state of everything that was copied back to the host's objects."""
        done = 0
        while done < len(self._structs):  # reading one may discover more
            self._read_struct(*self._structs[done])
            done += 1
        for value, type_, address in self._slices:
            if type_.mutable:
                for index, element in enumerate(self._elements(address, len(value), type_.element)):
                    if not isinstance(type_.element, EmbeddedType):
                        value[index] = element

    # One word -----------------------------------------------------------------------------------

    def _scalar(self, value: Any, type_: Any) -> int:
        match type_:
            case _ if isinstance(value, FieldReference):
                return layout.offset_of(value.owner, value.name)
            case BitsType():
                return int(value.__raw__) if isinstance(value, PackedValue) else int(value)
            case _ if isinstance(type_, IntegerLike):
                return int(value)
            case OptionalType(inner):
                return 0 if value is None else self._scalar(value, inner)
            case StructType():
                return self._struct(value, type_)
            case InterfaceType():
                return self._struct(value, struct_type(value))
            case FunctionType():
                return self.functions[f"{value.__module__}.{value.__qualname__}"]
        raise TypeError(f"{type_} cannot be passed to emulated code")

    def _host_scalar(self, word: int, type_: Any) -> Any:
        match type_:
            case BoolType():
                return word & 1 == 1
            case OptionalType(inner):
                return None if word == 0 else self._host_scalar(word, inner)
            case StructType() | InterfaceType() | FunctionType():
                return self._object_at(word, type_)
        number = IntType("", type_.bits, signed=type_.signed).wrap(word)
        match type_:
            case BitsType(cls):
                return from_raw(cls, number)
            case UnitType(cls) | EnumType(cls):
                return cls(number)
        return number

    # Structs ------------------------------------------------------------------------------------

    def _struct(self, value: Any, type_: StructType) -> int:
        """The address of the copy of `value`, which is made now if it is not there."""
        address = self._addresses.get(id(value))
        if address is None:
            place = layout.of(type_)
            address = self.memory.allocate(place.size, max(16, place.align))
            self._adopt(value, type_, address)
            self._structs.append((value, type_, address))
            self._write_struct(value, type_, address)
        return address

    def _adopt(self, value: Any, type_: StructType, address: int) -> None:
        """Note the address of a struct and of all that are embedded in it."""
        self._addresses[id(value)] = address
        self._objects.setdefault(address, value)
        for name, entry in layout.of(type_).fields.items():
            if isinstance(entry.type, EmbeddedType):
                self._adopt(vars(value)[name], entry.type.struct, address + entry.offset)
            elif isinstance(entry.type, ArrayType) and isinstance(entry.type.element, EmbeddedType):
                size = layout.size_of(entry.type.element)
                for index, element in enumerate(vars(value)[name]):
                    at = address + entry.offset + index * size
                    self._adopt(element, entry.type.element.struct, at)

    def _write_struct(self, value: Any, type_: StructType, address: int) -> None:
        place = layout.of(type_)
        if place.has_vtable:
            self.memory.write(address, struct.pack("<Q", self._vtable(type_.cls)))
        for name, entry in place.fields.items():
            if name in vars(value):
                self._write(vars(value)[name], entry.type, address + entry.offset)

    def _vtable(self, cls: type) -> int:
        if cls not in self.vtables:
            raise TypeError(f"{cls.__name__} is passed as an interface, but the code never builds one")
        return self.vtables[cls]

    def _write(self, value: Any, type_: Any, address: int) -> None:
        """Put `value` into the place at `address`."""
        match type_:
            case EmbeddedType(inner):
                self._write_struct(value, inner, address)
            case ArrayType(element):
                size, _alignment = layout.measure(element)
                for index, entry in enumerate(value):
                    self._write(entry, element, address + index * size)
            case AtomicType(inner):
                self._write(value.value, inner, address)
            case SliceType() | UserSliceType():
                self.memory.write(address, struct.pack("<QQ", *self.words(value, type_)))
            case _:
                size, _alignment = layout.measure(type_)
                word = 0 if value is None else self._scalar(value, type_)
                self.memory.write(address, (word & (1 << 8 * size) - 1).to_bytes(size, "little"))

    def _read_struct(self, value: Any, type_: StructType, address: int) -> None:
        for name, entry in layout.of(type_).fields.items():
            state = vars(value)
            state[name] = self._read(state.get(name), entry.type, address + entry.offset)
            if state[name] is None and entry.kind == "reference":
                del state[name]

    def _read(self, before: Any, type_: Any, address: int) -> Any:
        """What is in the place at `address`; embedded things are updated and stay the objects they are."""
        match type_:
            case EmbeddedType(inner):
                self._read_struct(before, inner, address)
                return before
            case ArrayType(element):
                size, _alignment = layout.measure(element)
                for index in range(len(before)):
                    cells, at = before.cells, before.start + index
                    cells[at] = self._read(cells[at], element, address + index * size)
                return before
            case AtomicType(inner):
                before.value = self._read(before.value, inner, address)
                return before
            case SliceType():
                start, length = struct.unpack("<QQ", self.memory.read(address, 16))
                known = next((copy for copy, _type, at in self._slices if at == start), None)
                if known is not None and len(known) == length:
                    return known
                return self._view(start, length, type_.element)
            case UserSliceType():
                return self.value(list(struct.unpack("<QQ", self.memory.read(address, 16))), type_)
        size, _alignment = layout.measure(type_)
        word = int.from_bytes(self.memory.read(address, size), "little")
        if isinstance(before, FieldReference) and word == self._scalar(before, type_):
            return before
        if word == 0 and isinstance(type_, (StructType, InterfaceType)):
            return None
        return self._host_scalar(word, type_)

    def _object_at(self, address: int, type_: Any) -> Any:
        """The host's object for a reference: the one that was copied there, or a new one."""
        found = self._objects.get(address)
        if found is None and isinstance(type_, StructType):
            found = type_.cls()
            self._adopt(found, type_, address)
            self._structs.append((found, type_, address))
        if found is None:
            raise TypeError(f"the code made a {type_} that the host does not know, at {address:#x}")
        return found

    # Slices -------------------------------------------------------------------------------------

    def _slice(self, value: Any, type_: SliceType) -> int:
        """The address of a copy of the elements."""
        for known, _type, address in self._slices:
            if known is value:
                return address
        size, alignment = layout.measure(type_.element)
        address = self.memory.allocate(max(1, size * len(value)), max(16, alignment))
        self._slices.append((value, type_, address))
        if isinstance(value, bytes | bytearray):
            self.memory.write(address, bytes(value))
            return address
        for index, entry in enumerate(value):
            if isinstance(type_.element, EmbeddedType):
                self._adopt(entry, type_.element.struct, address + index * size)
                self._structs.append((entry, type_.element.struct, address + index * size))
            self._write(entry, type_.element, address + index * size)
        return address

    def _elements(self, address: int, count: int, element: Any) -> list[Any]:
        size, _alignment = layout.measure(element)
        if element == Int(8, False):
            return list(self.memory.read(address, count)) if count else []
        if isinstance(element, EmbeddedType):
            return [self._object_at(address + index * size, element.struct) for index in range(count)]
        return [self._read(None, element, address + index * size) for index in range(count)]

    def _view(self, address: int, count: int, element: Any) -> Any:
        """A host slice with a copy of the elements; bytes stay bytes."""
        if element == Int(8, False):
            content = bytearray(self.memory.read(address, count)) if count else bytearray()
            return HostSlice(ByteCells(content, 0, count, u8), 0, count)
        return HostSlice(self._elements(address, count, element), 0, count)


def struct_type(value: Any) -> StructType:
    """The type of a host struct, from its class and the type arguments that it was made with."""
    arguments = getattr(value, "__type_arguments__", ())
    return StructType(type(value), tuple(host_type(argument) for argument in arguments))
