"""The kinds of machines, apart from what it takes to run one."""

from __future__ import annotations

import enum

MEBIBYTE = 1 << 20


class MachineType(enum.StrEnum):
    """The computer that QEMU imitates."""

    MICROVM = "microvm"
    Q35 = "q35"
    PC = "pc"


class Backend(enum.StrEnum):
    """What runs the machine: QEMU, or the Unicorn CPU emulator inside of this process."""

    QEMU = "qemu"
    EMULATOR = "emulator"
