"""The kernel's own struct classes as bytes: to pass them to system calls, and to read what comes back."""

from __future__ import annotations

from harness.agent_protocol import Buffer, into
from harness.interface import layout


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


def unpack(struct: str, content: bytes) -> dict[str, int]:
    """The integer fields of an instance."""
    values = {}
    for name, field in layout(struct).fields.items():
        part = content[field.offset : field.offset + field.size]
        values[name] = int.from_bytes(part, "little", signed=field.is_signed)
    return values
