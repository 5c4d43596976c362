"""Slices and arrays: bounds-checked views, and what they view on the host."""

from __future__ import annotations

from collections.abc import Iterator, MutableSequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload

from codegen.lang.memory import host_memory
from codegen.lang.numbers import IntType, int_type, u8
from codegen.lang.traps import Panic, TrapKind

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
N = TypeVar("N", bound=int)


class ByteCells(MutableSequence[Any]):
    """Bytes seen as little-endian integers of one type, from a byte offset on."""

    def __init__(self, content: bytearray, offset: int, count: int, kind: Any) -> None:
        self.content = content
        self.offset = offset
        self.total = count
        self.kind = kind
        self.type = int_type(kind)
        self.size = self.type.bits // 8

    def __len__(self) -> int:
        return self.total

    def __getitem__(self, index: Any) -> Any:
        start = self.offset + index * self.size
        raw = self.content[start : start + self.size]
        return self.kind(int.from_bytes(raw, "little", signed=self.type.signed))

    def __setitem__(self, index: Any, value: Any) -> None:
        start = self.offset + index * self.size
        number = self.type(value)
        self.content[start : start + self.size] = number.to_bytes(self.size, "little", signed=self.type.signed)

    def __delitem__(self, index: Any) -> None:
        raise TypeError("memory has a fixed length")

    def insert(self, index: int, value: Any) -> None:
        raise TypeError("memory has a fixed length")


class HostSlice(Generic[T]):
    """A window of `length` elements on `cells`, from `start`; every access is checked."""

    def __init__(self, cells: Any, start: int, length: int, kind: Any = None) -> None:
        self.cells = cells
        self.start = start
        self.length = length
        self.kind = kind

    def __len__(self) -> int:
        return self.length

    def _check(self, index: int) -> int:
        if not 0 <= index < self.length:
            raise Panic(TrapKind.BOUNDS, f"index {index}, length {self.length}")
        return self.start + index

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            first = 0 if index.start is None else index.start
            last = self.length if index.stop is None else index.stop
            if index.step is not None or not 0 <= first <= last <= self.length:
                raise Panic(TrapKind.BOUNDS, f"[{first}:{last}], length {self.length}")
            return HostSlice(self.cells, self.start + first, last - first, self.kind)
        return self.cells[self._check(index)]

    def __setitem__(self, index: int, value: Any) -> None:
        if isinstance(self.kind, IntType):
            value = self.kind(value)
        self.cells[self._check(index)] = value

    def __iter__(self) -> Iterator[Any]:
        return (self.cells[self.start + index] for index in range(self.length))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (HostSlice, HostArray, bytes, bytearray)):
            return list(self) == list(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __bytes__(self) -> bytes:
        return bytes(list(self))

    def __repr__(self) -> str:
        return f"Slice({list(self)!r})"


class HostArray(HostSlice[T]):
    """The storage of an array field, or of an array at module level."""

    def __init__(self, kind: Any, values: list[Any]) -> None:
        super().__init__(values, 0, len(values), kind)


if TYPE_CHECKING:

    class Slice(Protocol[T_co]):
        """A read-only, bounds-checked view of elements; `bytes` is a `Slice[u8]`."""

        def __len__(self) -> int: ...
        def __iter__(self) -> Iterator[T_co]: ...
        @overload
        def __getitem__(self, index: int, /) -> T_co: ...
        @overload
        def __getitem__(self, index: slice, /) -> Slice[T_co]: ...

    class MutableSlice(Protocol[T]):
        """A bounds-checked view of elements that may be written."""

        def __len__(self) -> int: ...
        def __iter__(self) -> Iterator[T]: ...
        @overload
        def __getitem__(self, index: int, /) -> T: ...
        @overload
        def __getitem__(self, index: slice, /) -> MutableSlice[T]: ...
        def __setitem__(self, index: int, value: T, /) -> None: ...

    class Array(MutableSlice[T], Protocol[T]):
        """The type of an array field; its length stands in the initialiser."""

else:
    Slice = MutableSlice = HostSlice
    Array = HostArray


def slice_at(kind: type[T], address: int, count: int) -> MutableSlice[T]:
    """The `count` elements of type `kind` that begin at `address`. Unchecked: memory/ and machine/ only."""
    if hasattr(kind, "__struct__"):
        return HostSlice([host_memory.object_at(address)], 0, count, kind)
    size = int_type(kind).bits // 8
    content, offset = host_memory.bytes_at(address, size * count)
    return HostSlice(ByteCells(content, offset, count, kind), 0, count, kind)


def view(kind: type[N], content: MutableSlice[u8]) -> MutableSlice[N]:
    """`content` seen as wider little-endian integers; traps when its length is not a multiple."""
    size = int_type(kind).bits // 8
    cells: Any = content
    if cells.length % size or not isinstance(cells.cells, ByteCells):
        raise Panic(TrapKind.BOUNDS, f"{cells.length} bytes seen as {kind}")
    raw = cells.cells
    return HostSlice(
        ByteCells(raw.content, raw.offset + cells.start, cells.length // size, kind),
        0,
        cells.length // size,
        kind,
    )


def load(kind: type[N], content: Slice[u8], offset: int) -> N:
    """The little-endian integer at byte `offset` of `content`, at any alignment."""
    width = int_type(kind)
    raw = bytes(list(content[offset : offset + width.bits // 8]))
    if len(raw) != width.bits // 8:
        raise Panic(TrapKind.BOUNDS, f"offset {offset}, length {len(content)}")
    return kind(int.from_bytes(raw, "little", signed=width.signed))


def store(kind: type[N], content: MutableSlice[u8], offset: int, value: int) -> None:
    """Put `value` at byte `offset` of `content`, little-endian, at any alignment."""
    width = int_type(kind)
    raw = width(value).to_bytes(width.bits // 8, "little", signed=width.signed)
    copy(content[offset : offset + len(raw)], raw)


def raw_bytes(content: Any) -> memoryview | None:
    """The bytes that a slice of single bytes of the host's memory views, to work on many at once; None for others."""
    if isinstance(content, bytes):
        return memoryview(content)
    if not isinstance(content, HostSlice) or not isinstance(content.cells, ByteCells) or content.cells.type is not u8:
        return None
    start = content.cells.offset + content.start
    return memoryview(content.cells.content)[start : start + content.length]


def copy(destination: MutableSlice[T], source: Slice[T]) -> None:
    """Copy all of `source`; the lengths must be equal. Overlap is allowed."""
    if len(destination) != len(source):
        raise Panic(TrapKind.BOUNDS, f"copy of {len(source)} to {len(destination)}")
    to, of = raw_bytes(destination), raw_bytes(source)
    if to is not None and of is not None:
        to[:] = bytes(of)
        return
    for index, value in enumerate(list(source)):
        destination[index] = value


def fill(destination: MutableSlice[T], value: T) -> None:
    """Set every element to `value`."""
    to = raw_bytes(destination)
    if to is not None:
        to[:] = int_type(u8)(int(value)).to_bytes(1, "little") * len(to)  # type: ignore[call-overload]
        return
    for index in range(len(destination)):
        destination[index] = value


def local_array(kind: type[T], count: int) -> MutableSlice[T]:
    """`count` zero elements on the stack; the view may not escape the function."""
    return HostSlice(ByteCells(bytearray(count * int_type(kind).bits // 8), 0, count, kind), 0, count, kind)
