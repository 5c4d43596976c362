"""A kernel by hand for tests of the way to `kernel_main`: it tells COM1 what it was given, and ends."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from boot.layout import DIRECT_MAP, EXIT_PORT, KERNEL_PHYSICAL, KERNEL_VIRTUAL
from boot.pvh import PVH_NOTE
from boot.stubs import ALL_STUBS
from codegen import Image, Program, Stub, Symbols, link
from codegen.lang import offset_of
from kernel.machine.pvh import Module, StartInfo
from tests.needs import needs

QEMU = "qemu-system-x86_64"
EXIT_VALUE = 0x15

MACHINES = {
    "microvm": ("-M", "microvm,isa-serial=on", "-bios", "qboot.rom"),
    "q35": ("-M", "q35"),
    "pc": ("-M", "pc"),
}

needs_qemu = needs("qemu-system-x86_64")


def _main(_symbols: Symbols) -> str:
    """Print the number of modules, the command line, and the first module; R12 is the start info."""
    return f"""
        mov r13, {DIRECT_MAP:#x}
        lea r12, [rdi + r13]
        mov edx, 0x3f8
        mov eax, [r12 + {offset_of(StartInfo, "module_count")}]
        add al, 0x30
        out dx, al
        mov al, 0x20
        out dx, al
        mov rsi, [r12 + {offset_of(StartInfo, "command_line_address")}]
        add rsi, r13
    command_line:
        mov al, [rsi]
        test al, al
        jz module
        out dx, al
        inc rsi
        jmp command_line
    module:
        mov al, 0x0a
        out dx, al
        cmp dword ptr [r12 + {offset_of(StartInfo, "module_count")}], 0
        je finish
        mov rbx, [r12 + {offset_of(StartInfo, "module_list")}]
        add rbx, r13
        mov rsi, [rbx + {offset_of(Module, "start")}]
        add rsi, r13
        mov rcx, [rbx + {offset_of(Module, "size")}]
    next_byte:
        mov al, [rsi]
        out dx, al
        inc rsi
        dec rcx
        jnz next_byte
    finish:
        mov edx, {EXIT_PORT:#x}
        mov eax, {EXIT_VALUE}
        out dx, al
        hlt
    """


def tiny_kernel(main: str | None = None, *, low: bool = False) -> Image:
    """The stubs of the real kernel around `main`, 64-bit assembly, or around the default one.

    `low`: with virtual equal to physical addresses, to be run without paging.
    """
    others = (
        Stub("kernel_main", "text", _main if main is None else lambda _symbols: main),
        Stub("handle_trap", "text", lambda _symbols: "ret"),
        Stub("handle_syscall", "text", lambda _symbols: "ret"),
        Stub("kernel.machine.cpuid.FEATURES", "data", lambda _symbols: ".quad 0\n.quad 0"),
    )
    program = Program((), frozenset())
    return link(
        program,
        base=KERNEL_PHYSICAL if low else KERNEL_VIRTUAL,
        user=low,
        stubs=(*ALL_STUBS, *others),
        entry="pvh_entry",
        notes=(PVH_NOTE,),
    )


@dataclass(frozen=True)
class Outcome:
    """How a run of QEMU ended."""

    status: int
    console: bytes


def run_qemu(machine: str, *arguments: str | Path, memory: str = "64") -> Outcome:
    """Run a machine until it ends itself."""
    command = [QEMU, *MACHINES[machine], "-m", memory, "-display", "none", "-nodefaults", "-no-reboot"]
    command += ["-serial", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
    command += map(str, arguments)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    return Outcome(done.returncode, done.stdout)
