"""The kernel's own struct classes as bytes: to pass them to system calls, and to read what comes back."""

from __future__ import annotations

import struct as binary
from typing import Any

from codegen.layout import measure, of
from harness.agent_protocol import Buffer
from user.agent import protocol


def pack(struct: type, **fields: int | Buffer) -> Buffer:
    """An instance of `struct`, all other fields zero; a Buffer as value means its address."""
    layout = of(struct)
    content = bytearray(layout.size)
    buffer = Buffer(b"", protocol.DIRECTION_IN)
    for name, value in fields.items():
        field = layout.fields[name]
        if isinstance(value, Buffer):
            buffer.point(field.offset, value)
            continue
        size = measure(field.type)[0]
        content[field.offset : field.offset + size] = value.to_bytes(size, "little", signed=value < 0)
    buffer.content = bytes(content)
    return buffer


class Packer:
    """Many instances of a `struct` of plain numbers, given in the order of its fields."""

    def __init__(self, struct: type) -> None:
        formats = {(1, False): "B", (2, False): "H", (4, False): "I", (8, False): "Q", (4, True): "i", (8, True): "q"}
        layout = of(struct)
        fields = [
            (measure(field.type)[0], bool(getattr(field.type, "signed", False))) for field in layout.fields.values()
        ]
        self._format = binary.Struct("<" + "".join(formats[one] for one in fields))
        self.size = self._format.size
        assert self.size == layout.size, f"{struct.__name__} has room between its fields"

    def pack(self, *values: int) -> bytes:
        """The bytes of one. Raises struct.error if a value does not fit its field."""
        return self._format.pack(*values)


def unpack(struct: type, content: bytes) -> dict[str, int]:
    """The integer fields of an instance."""
    values = {}
    for name, field in of(struct).fields.items():
        size = measure(field.type)[0]
        signed: Any = getattr(field.type, "signed", False)
        part = content[field.offset : field.offset + size]
        values[name] = int.from_bytes(part, "little", signed=bool(signed))
    return values
