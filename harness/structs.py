"""The kernel's own struct classes as bytes: to pass them to system calls, and to read what comes back."""

from __future__ import annotations

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


def unpack(struct: type, content: bytes) -> dict[str, int]:
    """The integer fields of an instance."""
    values = {}
    for name, field in of(struct).fields.items():
        size = measure(field.type)[0]
        signed: Any = getattr(field.type, "signed", False)
        part = content[field.offset : field.offset + size]
        values[name] = int.from_bytes(part, "little", signed=bool(signed))
    return values
