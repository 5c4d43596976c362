"""What the harness has to know of the kernel, as data beside it: build/pithos.json.

Numbers of system calls, layouts of the structs that cross the border, and numbers that both sides use. With it
`pithos run` imports neither kernel nor compiler (harness/interface.py reads it).
"""

from __future__ import annotations

import hashlib
import json
from enum import EnumType
from typing import TYPE_CHECKING, Any

from codegen.layout import measure, of
from kernel.containers import abi
from kernel.devices.channel import CAPACITY, ByteQueue, Channel
from kernel.sched.bandwidth import HIGHEST_BANDWIDTH
from kernel.syscalls.declare import SYSCALLS

if TYPE_CHECKING:
    from codegen import Image

STRUCTS: tuple[type, ...] = (
    abi.ContainerConfig,
    abi.ContainerEvent,
    abi.ContainerState,
    abi.FdPair,
    abi.RunSpec,
    ByteQueue,
    Channel,
)
ENUMS: tuple[EnumType, ...] = (abi.EventKind, abi.RunFlags)
NUMBERS = {
    "CHANNEL_CAPACITY": CAPACITY,
    "CONTAINER_VERSION": abi.VERSION,
    "HIGHEST_BANDWIDTH": HIGHEST_BANDWIDTH,
}


CHANNEL = "kernel.devices.channel.CHANNEL"


def describe(image: Image) -> bytes:
    """The interface of the kernel that `image` was made of, whose modules are imported, as JSON."""
    content = {
        "kernel": hashlib.sha256(image.elf).hexdigest(),
        "channel": image.symbols[CHANNEL],
        "calls": {call.name: number for number, call in sorted(SYSCALLS.items())},
        "enums": {kind.__name__: _members(kind) for kind in ENUMS},
        "numbers": {name: int(value) for name, value in NUMBERS.items()},
        "structs": {struct.__name__: _fields(struct) for struct in STRUCTS},
    }
    return json.dumps(content, indent=1).encode()


def _members(kind: EnumType) -> dict[str, int]:
    """The members of an enumeration by name."""
    members: Any = kind.__members__
    return {name: int(member) for name, member in members.items()}


def _fields(struct: type) -> dict[str, Any]:
    """The size of a struct; of each field its offset, its size, and whether it is a signed integer."""
    layout = of(struct)
    fields = {
        name: (field.offset, measure(field.type)[0], bool(getattr(field.type, "signed", False)))
        for name, field in layout.fields.items()
    }
    return {"size": layout.size, "fields": fields}
