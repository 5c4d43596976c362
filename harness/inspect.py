"""The inspector: the kernel's own struct classes laid over guest memory.

    machine.kernel.statics["kernel.memory.frames.FRAMES"].free_count
    for process in machine.kernel.root_container.processes: print(process.pid, process.name)

Fields read as in the kernel: integers, enums, `@bits` values, references (a View, or None), embedded structs, arrays
and slices, and lists, which iterate over their members. Memory is read when a field is asked for; pause the machine
first if what is read has to fit together.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from codegen.lang import from_raw
from codegen.layout import StructLayout, measure, of
from codegen.lines import LineReader
from codegen.program_file import ProgramFile
from codegen.types import (
    ArrayType,
    AtomicType,
    BitsType,
    BoolType,
    EmbeddedType,
    EnumType,
    FunctionType,
    Int,
    InterfaceType,
    OptionalType,
    SliceType,
    StructType,
    Type,
    UnitType,
)
from harness.physical import PhysicalMemory, read_virtual

BYTE = Int(8, False)
LONGEST_LIST = 1 << 20
POINTER = 8


class Corrupt(Exception):
    """Kernel memory does not hold what its types promise."""


class View:
    """One struct in guest memory."""

    def __init__(self, memory: PhysicalMemory, struct: StructType, address: int) -> None:
        self._memory = memory
        self._struct = struct
        self._address = address

    @property
    def address_(self) -> int:
        """Where it is; two views of one object have the same."""
        return self._address

    @property
    def layout_(self) -> StructLayout:
        """Its fields."""
        return of(self._struct)

    def __getattr__(self, name: str) -> Any:
        field = self.layout_.fields.get(name)
        if field is None:
            raise AttributeError(f"{self._struct} has no field {name!r}")
        return read_place(self._memory, field.type, self._address + field.offset)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, View) and other._address == self._address

    def __hash__(self) -> int:
        return hash(self._address)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.layout_.fields]

    def __repr__(self) -> str:
        return f"<{self._struct} at {self._address:#x}>"


class ListView(View):
    """An intrusive list: iterating gives its members, checked for a ring and for links that agree."""

    def __len__(self) -> int:
        return int(self.count)

    def __iter__(self) -> Iterator[View]:
        member, previous, seen = self.first, None, 0
        while member is not None:
            link = self._link_of(member)
            if link.previous != previous or not link.linked:
                raise Corrupt(f"{self!r}: the links of member {seen}, {member!r}, do not agree")
            seen += 1
            if seen > LONGEST_LIST:
                raise Corrupt(f"{self!r} does not end")
            yield member
            member, previous = link.next, member
        if seen != self.count or self.last != previous:
            raise Corrupt(f"{self!r} counts {self.count} members and has {seen}")

    def _link_of(self, member: View) -> View:
        return View(self._memory, link_type(self._struct), member.address_ + self.offset)


def link_type(list_type: StructType) -> StructType:
    """The Link that members of this list have."""
    from kernel.base.list import Link

    return StructType(Link, list_type.arguments)


def is_list(struct: StructType) -> bool:
    """Whether a struct is `kernel.base.list.List`."""
    return struct.cls.__name__ == "List" and bool(struct.arguments)


def view(memory: PhysicalMemory, struct: StructType, address: int) -> View:
    """A struct at an address."""
    return (ListView if is_list(struct) else View)(memory, struct, address)


def read_place(memory: PhysicalMemory, type_: Type, address: int) -> Any:
    """The value of a place of this type."""
    match type_:
        case EmbeddedType(struct):
            return view(memory, struct, address)
        case AtomicType(inner):
            return read_place(memory, inner, address)
        case ArrayType(element, length):
            return read_elements(memory, element, address, length)
        case SliceType(element):
            start, length = (read_integer(memory, address + 8 * part, 8) for part in range(2))
            return read_elements(memory, element, start, length)
        case StructType() | InterfaceType() | OptionalType() | FunctionType():
            return read_reference(memory, type_, read_integer(memory, address, POINTER))
    size = measure(type_)[0]
    return as_value(type_, read_integer(memory, address, size, signed=getattr(type_, "signed", False)))


def read_integer(memory: PhysicalMemory, address: int, size: int, *, signed: bool = False) -> int:
    """An integer at a kernel address."""
    return int.from_bytes(read_virtual(memory, None, address, size), "little", signed=signed)


def as_value(type_: Type, value: int) -> Any:
    """An integer as the host's value of its type."""
    match type_:
        case BoolType():
            return bool(value)
        case UnitType(cls):
            return cls(value)
        case EnumType(cls):
            try:
                return cls(value)
            except ValueError:
                raise Corrupt(f"{cls.__name__} has no member {value}") from None
        case BitsType(cls):
            return from_raw(cls, value)
    return value


def read_reference(memory: PhysicalMemory, type_: Type, pointer: int) -> Any:
    """A View of what a pointer points to; an interface's or function's address; None."""
    if isinstance(type_, OptionalType):
        type_ = type_.inner
    if pointer == 0:
        return None
    return view(memory, type_, pointer) if isinstance(type_, StructType) else pointer


def read_elements(memory: PhysicalMemory, element: Type, address: int, length: int) -> Any:
    """Elements side by side: bytes for u8, an Elements of anything else."""
    if element == BYTE:
        return read_virtual(memory, None, address, length)
    return Elements(memory, element, address, length)


class Elements:
    """An array or slice in guest memory."""

    def __init__(self, memory: PhysicalMemory, element: Type, address: int, length: int) -> None:
        self._memory = memory
        self._element = element
        self.address = address
        self._length = length
        self.stride = measure(element)[0]

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < self._length:
            raise IndexError(f"{index} of {self._length}")
        return read_place(self._memory, self._element, self.address + index * self.stride)

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(self._length))


class Kernel:
    """The kernel of one machine: its statics by full name, and structs at any address."""

    def __init__(self, memory: PhysicalMemory, elf: bytes) -> None:
        self.memory = memory
        self._program = ProgramFile(elf)
        self.symbols = self._program.symbols

    @cached_property
    def lines(self) -> LineReader:
        """Where the code is from."""
        return self._program.line_reader()

    def static(self, name: str) -> View:
        """A module-level struct, such as "kernel.memory.frames.FRAMES"."""
        module_name, _, variable = name.rpartition(".")
        module = importlib.import_module(module_name)
        host = getattr(module, variable)
        names = (f"{module_name}.{alias}" for alias, value in vars(module).items() if value is host)
        address = next((self.symbols[alias] for alias in names if alias in self.symbols), None)
        if address is None:
            raise Corrupt(f"the kernel's image has no {name}: it is not in use")
        return self.at(type(host), address)

    def at(self, struct: type, address: int) -> View:
        """A struct of this class at a kernel address."""
        return view(self.memory, StructType(struct), address)

    @property
    def root_container(self) -> View:
        """The container that everything is in."""
        return self.static("kernel.containers.container.BOOT")
