"""The kernel's own struct classes as bytes: to pass them to system calls, and to read what comes back."""

from __future__ import annotations

import struct as binary

from harness.agent_protocol import Buffer, into
from harness.interface import StructLayout, layout


def pack(struct: str, **fields: int | Buffer) -> Buffer:
    """An instance of the struct of that name, all other fields zero; a Buffer as value means its address."""
    form = layout(struct)
    content = bytearray(form.size)
    buffer = into(b"")
    for name, value in fields.items():
        field = form.fields[name]
        if isinstance(value, Buffer):
            buffer.point(field.offset, value)
        else:
            end = field.offset + field.size
            content[field.offset : end] = value.to_bytes(field.size, "little", signed=value < 0)
    buffer.content = bytes(content)
    return buffer


class Packer:
    """Many instances of a struct of plain numbers, given in the order of its fields."""

    def __init__(self, form: StructLayout) -> None:
        formats = {(1, False): "B", (2, False): "H", (4, False): "I", (8, False): "Q", (4, True): "i", (8, True): "q"}
        fields = [(field.size, field.is_signed) for field in form.fields.values()]
        self._format = binary.Struct("<" + "".join(formats[one] for one in fields))
        self.size = self._format.size
        assert self.size == form.size, "the struct has room between its fields"

    def pack(self, *values: int) -> bytes:
        """The bytes of one. Raises struct.error if a value does not fit its field."""
        return self._format.pack(*values)


def unpack(struct: str | StructLayout, content: bytes) -> dict[str, int]:
    """The integer fields of an instance of the struct of that name, or that lies so."""
    values = {}
    form = layout(struct) if isinstance(struct, str) else struct
    for name, field in form.fields.items():
        part = content[field.offset : field.offset + field.size]
        values[name] = int.from_bytes(part, "little", signed=field.is_signed)
    return values
