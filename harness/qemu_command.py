"""The arguments of QEMU, from small pure functions. All was tried with QEMU 7.2, 10.0 and 11.1.

COM1 and COM2 are sockets that QEMU inherits, so there is no path to clean up, and each side sees when the
other is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from boot.layout import EXIT_PORT
from harness.machine import MEBIBYTE, Machine, MachineType

PROGRAM = "qemu-system-x86_64"
CPU = "max,-erms,-la57,-pku"
"""All that TCG can do, but for fast string moves (slow in TCG), 5-level paging and protection keys."""


TRANSLATION = "in_asm"
"""The event of QEMU's -d that tells which instructions were translated, and so ran (coverage.py)."""
KERNEL_RANGE = "0xffffffff80000000+0x40000000"
"""Where the image of the kernel is: its instructions alone are logged."""


@dataclass(frozen=True)
class Connections:
    """Descriptors of sockets and paths that QEMU is given."""

    monitor: int
    console: int
    channel: int
    monitor_path: Path
    memory_path: Path
    snapshot_path: Path | None = None
    log_path: Path | None = None


def machine_arguments(machine: Machine) -> list[str]:
    """The machine type. microvm needs ACPI to be switched off, and a firmware that can load by PVH."""
    if machine.type is MachineType.MICROVM:
        options = "microvm,pic=on,pit=on,rtc=on,isa-serial=on,acpi=on,memory-backend=ram"
        return ["-M", options, "-bios", "qboot.rom"]
    return ["-M", f"{machine.type.value},memory-backend=ram"]


def processor_arguments(machine: Machine) -> list[str]:
    """CPUs, and how virtual time passes.

    Each CPU is a thread of QEMU (MTTCG): the host gives at least the memory ordering that an x86 guest expects if it is
    an x86 itself. With -icount all CPUs take turns in one thread, as only then one order of instructions exists.
    """
    arguments = ["-cpu", CPU, "-smp", str(machine.cpus)]
    if machine.instruction_shift is None:
        arguments += ["-accel", "tcg,thread=multi"]
    else:
        arguments += ["-icount", f"shift={machine.instruction_shift},sleep=off", "-rtc", "clock=vm"]
    return arguments


def memory_arguments(machine: Machine, connections: Connections) -> list[str]:
    """Memory in a file, which the harness maps too."""
    size = machine.memory // MEBIBYTE
    backend = f"memory-backend-file,id=ram,size={size}M,mem-path={connections.memory_path},share=on"
    return ["-m", f"{size}M", "-object", backend]


def serial_arguments(machine: Machine, connections: Connections) -> list[str]:
    """COM1, the console, and COM2, the agent's channel. microvm has one UART of its own."""
    arguments = []
    for name, descriptor in (("console", connections.console), ("channel", connections.channel)):
        arguments += ["-chardev", f"socket,id={name},fd={descriptor}"]
    arguments += ["-serial", "chardev:console"]
    if machine.type is MachineType.MICROVM:
        return [*arguments, "-device", "isa-serial,chardev=channel,iobase=0x2f8,irq=3"]
    return [*arguments, "-serial", "chardev:channel"]


def monitor_arguments(connections: Connections) -> list[str]:
    """QMP twice: for the harness, and for `pithos console`."""
    return [
        *("-chardev", f"socket,id=monitor,fd={connections.monitor}", "-qmp", "chardev:monitor"),
        *("-qmp", f"unix:{connections.monitor_path},server=on,wait=off"),
    ]


def start_arguments(machine: Machine) -> list[str]:
    """What is started: a disk image, or kernel and archive."""
    if machine.disk is not None:
        return ["-drive", f"file={machine.disk},format=raw,if=ide,snapshot=on"]
    arguments = ["-kernel", str(machine.kernel)]
    if machine.archive is not None:
        arguments += ["-initrd", str(machine.archive)]
    return [*arguments, "-append", machine.words]


def snapshot_arguments(connections: Connections) -> list[str]:
    """A disk that no device shows, where savevm(HMP) puts its snapshots."""
    if connections.snapshot_path is None:
        return []
    return ["-drive", f"file={connections.snapshot_path},format=qcow2,if=none,id=snapshots"]


def debugger_arguments(machine: Machine) -> list[str]:
    """A gdb server, and a machine that begins when gdb says so."""
    return [] if machine.debugger is None else ["-S", "-gdb", f"unix:{machine.debugger},server=on,wait=off"]


def log_arguments(machine: Machine, connections: Connections) -> list[str]:
    """QEMU's own log of what happens."""
    if not machine.log_events or connections.log_path is None:
        return []
    arguments = ["-d", ",".join(sorted(machine.log_events)), "-D", str(connections.log_path)]
    return [*arguments, "-dfilter", KERNEL_RANGE] if TRANSLATION in machine.log_events else arguments


def command(machine: Machine, connections: Connections) -> list[str]:
    """The whole command line."""
    return [
        PROGRAM,
        *machine_arguments(machine),
        *processor_arguments(machine),
        *memory_arguments(machine, connections),
        *("-display", "none", "-nodefaults", "-no-user-config", "-no-reboot"),
        *("-device", f"isa-debug-exit,iobase={EXIT_PORT:#x},iosize=4"),
        *serial_arguments(machine, connections),
        *monitor_arguments(connections),
        *snapshot_arguments(connections),
        *log_arguments(machine, connections),
        *debugger_arguments(machine),
        *start_arguments(machine),
    ]
