"""The host's memory: addresses for objects, and ranges of bytes that slices can be laid over."""

from __future__ import annotations

from typing import Any

from codegen.lang.traps import Panic, TrapKind

PAGE = 4096


class HostMemory:
    """A pretended address space: byte ranges that tests map, and objects that were given addresses."""

    def __init__(self) -> None:
        self.ranges: list[tuple[int, bytearray]] = []
        self.objects: dict[int, Any] = {}
        self.addresses: dict[int, int] = {}
        self.next_address = 0x7000_0000_0000

    def map(self, address: int, size: int) -> bytearray:
        """Make `size` zero bytes at `address` reachable by `slice_at`; returns them."""
        content = bytearray(size)
        self.ranges.append((address, content))
        return content

    def reset(self) -> None:
        """Forget every range and every object."""
        self.__init__()  # type: ignore[misc]

    def bytes_at(self, address: int, size: int) -> tuple[bytearray, int]:
        """The range that holds `size` bytes at `address`, and the offset in it."""
        for start, content in self.ranges:
            if start <= address and address + size <= start + len(content):
                return content, address - start
        raise Panic(TrapKind.NULL, f"no host memory at {address:#x} for {size} bytes")

    def place(self, thing: Any, address: int) -> None:
        """Say that `thing` lives at `address`."""
        self.objects[address] = thing
        self.addresses[id(thing)] = address

    def address_of(self, thing: Any, size: int = PAGE) -> int:
        """The address of `thing`, given to it now if it has none."""
        address = self.addresses.get(id(thing))
        if address is None:
            address = self.next_address
            self.next_address += (size + 63) // 64 * 64 + 64
            self.place(thing, address)
        return address

    def object_at(self, address: int) -> Any:
        """The object that lives at `address`; traps when there is none."""
        try:
            return self.objects[address]
        except KeyError:
            raise Panic(TrapKind.NULL, f"no host object at {address:#x}") from None


host_memory = HostMemory()
