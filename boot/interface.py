"""What the harness has to know of the kernel, as data beside it: build/pithos.json.

Numbers of system calls, layouts of the structs that cross the border, and numbers that both sides use. With it
`pithos run` imports neither kernel nor compiler (harness/interface.py reads it).
"""

from __future__ import annotations

import hashlib
import inspect
import json
from enum import EnumType
from typing import TYPE_CHECKING, Any

from codegen.layout import measure, of
from kernel.base.options import KNOWN
from kernel.containers import abi
from kernel.devices.channel import CAPACITY, ByteQueue, Channel
from kernel.files import archive_format
from kernel.sched.bandwidth import HIGHEST_BANDWIDTH
from kernel.syscalls.declare import SYSCALLS, Declaration

if TYPE_CHECKING:
    from codegen import Image

STRUCTS: dict[str, type] = {
    "ArchiveAttribute": archive_format.Attribute,
    "ArchiveEntry": archive_format.Entry,
    "ArchiveHeader": archive_format.Header,
    "ArchivePiece": archive_format.Piece,
    "ByteQueue": ByteQueue,
    "Channel": Channel,
    "ContainerConfig": abi.ContainerConfig,
    "ContainerEvent": abi.ContainerEvent,
    "ContainerState": abi.ContainerState,
    "FdPair": abi.FdPair,
    "RunSpec": abi.RunSpec,
    "ResourceLimit": abi.ResourceLimit,
    "TraceRecord": abi.TraceRecord,
}
ENUMS: tuple[EnumType, ...] = (abi.EventKind, abi.RunFlags, abi.ControlOperation, abi.TraceKind, abi.PieceKind)
NUMBERS = {
    "ARCHIVE_ALIGNMENT": archive_format.ALIGNMENT,
    "ARCHIVE_MAGIC": archive_format.MAGIC,
    "CHANNEL_CAPACITY": CAPACITY,
    "CONTAINER_VERSION": abi.VERSION,
    "HIGHEST_BANDWIDTH": HIGHEST_BANDWIDTH,
    "TRACE_ARGUMENTS": abi.TRACE_ARGUMENTS,
}


CHANNEL = "kernel.devices.channel.CHANNEL"


def describe(image: Image) -> bytes:
    """The interface of the kernel that `image` was made of, whose modules are imported, as JSON."""
    content = {
        "kernel": hashlib.sha256(image.elf).hexdigest(),
        "channel": image.symbols[CHANNEL],
        "calls": {call.name: number for number, call in sorted(SYSCALLS.items())},
        "parameters": {call.name: parameters_of(call) for _, call in sorted(SYSCALLS.items())},
        "options": list(KNOWN),
        "enums": {kind.__name__: _members(kind) for kind in ENUMS},
        "numbers": {name: int(value) for name, value in NUMBERS.items()},
        "structs": {name: fields_of(struct) for name, struct in STRUCTS.items()},
    }
    return json.dumps(content, indent=1).encode()


def _members(kind: EnumType) -> dict[str, int]:
    """The members of an enumeration by name."""
    members: Any = kind.__members__
    return {name: int(member) for name, member in members.items()}


def fields_of(struct: type) -> dict[str, Any]:
    """The size of a struct; of each field its offset, its size, and whether it is a signed integer."""
    layout = of(struct)
    fields = {
        name: (field.offset, measure(field.type)[0], bool(getattr(field.type, "signed", False)))
        for name, field in layout.fields.items()
    }
    return {"size": layout.size, "fields": fields}


def parameters_of(call: Declaration) -> list[list[str]]:
    """Name and type of each parameter of a system call but the thread that makes it, as they are declared."""
    given = list(inspect.signature(call.function).parameters.values())[1:]
    return [[parameter.name.rstrip("_"), str(parameter.annotation)] for parameter in given]
