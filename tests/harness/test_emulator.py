"""The emulated machine with kernels made by hand: how it starts, and what it delivers."""

from __future__ import annotations

from pathlib import Path

import pytest

from boot.layout import DIRECT_MAP, LOCAL_APIC
from harness.emulator import EmulatedMachine, start_emulator
from harness.machine import MEBIBYTE, Backend, Machine
from tests.boot.tiny import EXIT_VALUE, tiny_kernel

ARCHIVE = b"what is in the archive" * 300
TIMER_VECTOR = 0x20
START = 40_000
"""Instructions after which the boot stub is certainly done."""
CODE, DATA, USER_DATA, USER_CODE, TASK_STATE = 0x08, 0x10, 0x23, 0x2B, 0x30


async def start(folder: Path, main: str | None = None, archive: bytes = b"") -> EmulatedMachine:
    """A machine with the kernel `main`, 64-bit assembly, in place of kernel_main."""
    kernel, archive_path = folder / "kernel.elf", folder / "archive"
    kernel.write_bytes(tiny_kernel(main).elf)
    archive_path.write_bytes(archive)
    return await start_emulator(
        Machine(
            kernel=kernel,
            archive=archive_path if archive else None,
            command_line="quiet",
            backend=Backend.EMULATOR,
            memory=32 * MEBIBYTE,
        )
    )


def with_tables(body: str, gates: dict[int, str], *, ring_3: str = "hlt") -> str:
    """Assembly that sets up GDT, task state and IDT at 3 MiB, then `body`; `gates` are labels by vector.

    `ring_3` is copied to 4 MiB, which is mapped for ring 3 at the same address; `go_to_ring_3` goes there.
    """
    fill = ""
    for vector, label in gates.items():
        fill += f"""
            lea rax, [rip + {label}]
            mov rdi, 0x302000 + {vector * 16}
            mov [rdi], ax
            mov word ptr [rdi + 2], {CODE}
            mov word ptr [rdi + 4], 0x8e00
            shr rax, 16
            mov [rdi + 6], ax
            shr rax, 16
            mov [rdi + 8], eax
        """
    descriptors = (0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF, 0, 0x00CFF3000000FFFF, 0x00AFFB000000FFFF)
    for index, value in enumerate((*descriptors, 0x0000890010000067 | 0x30 << 32, 0)):
        fill += f"mov rax, {value:#x}\nmov [{0x300000 + 8 * index:#x}], rax\n"
    return f"""
        mov rax, cr3
        {fill}
        mov word ptr [0x304000], 0x3f
        mov qword ptr [0x304002], 0x300000
        lgdt [0x304000]
        mov word ptr [0x304010], 0xfff
        mov qword ptr [0x304012], 0x302000
        lidt [0x304010]
        mov qword ptr [0x301004], 0x310000
        mov qword ptr [0x300030], 0
        mov rax, 0x0000893010000067
        mov [0x300030], rax
        mov qword ptr [0x300038], 0
        mov ax, {TASK_STATE}
        ltr ax
        mov edx, 0x3f8
        {body}
    go_to_ring_3:
        mov rdi, 0x400000
        lea rsi, [rip + ring_3]
        mov ecx, 256
        rep movsb
        mov rax, cr3
        or qword ptr [rax], 4
        mov rbx, [rax]
        and rbx, -4096
        or qword ptr [rbx], 4
        mov rbx, [rbx]
        and rbx, -4096
        or qword ptr [rbx + 16], 4
        mov cr3, rax
        push {USER_DATA}
        push 0x4ff000
        push 0x202
        push {USER_CODE}
        push 0x400000
        iretq
    say:
        mov edx, 0x3f8
        out dx, al
        ret
    finish:
        mov edx, 0xf4
        out dx, al
        hlt
    ring_3:
        {ring_3}
    """


async def test_it_starts_as_qemu_does(tmp_path: Path) -> None:
    machine = await start(tmp_path, archive=ARCHIVE)
    ended = await machine.wait_end()
    assert ended.status == EXIT_VALUE
    assert machine.console.content == b"1 quiet harness tsc_khz=1000000 timer_khz=62500\n" + ARCHIVE


async def test_page_fault_pushes_its_error_code_and_address(tmp_path: Path) -> None:
    body = """
        mov rbx, 0x123456789000
        mov [rbx], rax
    faulted:
        mov rcx, [rsp]
        mov rdx, cr2
        cmp rdx, rbx
        jne finish
        mov eax, ecx
        add al, 0x40
        jmp finish
    """
    machine = await start(tmp_path, with_tables(body, {14: "faulted"}))
    assert (await machine.wait_end()).status == 0x40 + 2  # a write to a page that is not present


async def test_page_fault_of_ring_3_switches_the_stack(tmp_path: Path) -> None:
    gates = {14: "faulted"}
    body = """
        jmp go_to_ring_3
    faulted:
        mov rcx, [rsp]
        mov rbx, [rsp + 8]
        cmp rbx, 0x400003
        jne finish
        cmp rsp, 0x310000 - 48
        jne finish
        mov eax, ecx
        add al, 0x40
        jmp finish
    """
    ring_3 = "nop\nnop\nnop\nmov rax, [0x200000]"
    machine = await start(tmp_path, with_tables(body, gates, ring_3=ring_3))
    assert (await machine.wait_end()).status == 0x40 + 5  # ring 3 reads a present page


async def test_system_call_and_return(tmp_path: Path) -> None:
    body = f"""
        mov ecx, 0xc0000080
        rdmsr
        or eax, 1
        wrmsr
        mov ecx, 0xc0000081
        mov edx, {USER_DATA - 8 << 16 | CODE}
        xor eax, eax
        wrmsr
        mov ecx, 0xc0000082
        lea rax, [rip + called]
        mov rdx, rax
        shr rdx, 32
        wrmsr
        mov ecx, 0xc0000084
        mov eax, 0x200
        xor edx, edx
        wrmsr
        jmp go_to_ring_3
    called:
        pushfq
        pop rbx
        test ebx, 0x200
        jnz finish
        inc rax
        cmp rax, 0x53
        je finish
        sysret
    """
    ring_3 = "mov eax, 0x50\nagain: syscall\njmp again"
    machine = await start(tmp_path, with_tables(body, {}, ring_3=ring_3))
    assert (await machine.wait_end()).status == 0x53


TIMER_BODY = f"""
    mov rbx, {DIRECT_MAP + LOCAL_APIC:#x}
    mov dword ptr [rbx + 0xf0], 0x1ff
    mov dword ptr [rbx + 0x3e0], 3
    mov dword ptr [rbx + 0x320], {1 << 17 | TIMER_VECTOR}
    mov dword ptr [rbx + 0x380], 1000
    xor r15d, r15d
"""


async def test_timer_wakes_a_halted_processor(tmp_path: Path) -> None:
    body = f"""
        {TIMER_BODY}
    sleep:
        sti
        hlt
        jmp sleep
    ticked:
        mov dword ptr [rbx + 0xb0], 0
        inc r15
        mov rax, r15
        cmp rax, 5
        je finish
        iretq
    """
    machine = await start(tmp_path, with_tables(body, {TIMER_VECTOR: "ticked"}))
    assert (await machine.wait_end()).status == 5
    assert 5 * 16_000 <= machine.clock < 5 * 16_000 + START
    assert machine.instructions < START  # it slept for the rest


async def test_runs_are_the_same_however_they_are_cut(tmp_path: Path) -> None:
    body = f"""
        {TIMER_BODY}
        sti
    busy:
        inc r14
        jmp busy
    ticked:
        mov dword ptr [rbx + 0xb0], 0
        inc r15
        mov al, r14b
        call say
        cmp r15, 3
        je finish
        iretq
    """
    main = with_tables(body, {TIMER_VECTOR: "ticked"})
    whole, cut = await start(tmp_path, main), await start(tmp_path, main)
    await whole.wait_end()
    while cut.cpu.executed < whole.cpu.executed:
        cut.step(997)
    assert cut.console.content == whole.console.content
    assert len(whole.console.content) == 3
    assert cut.cpu.get("r14") == whole.cpu.get("r14") > 0


async def test_rewind_brings_back_memory_registers_and_devices(tmp_path: Path) -> None:
    body = (
        f"{TIMER_BODY}\nsti\nbusy: inc r14\nmov [0x500000], r14\njmp busy\nticked: mov dword ptr [rbx + 0xb0], 0\niretq"
    )
    machine = await start(tmp_path, with_tables(body, {TIMER_VECTOR: "ticked"}))
    machine.step(START)
    await machine.save()
    seen = []
    for _ in range(2):
        seen.append((machine.cpu.get("r14"), machine.memory.read(0x500000, 8), machine.clock))
        machine.step(5000)
        assert machine.cpu.get("r14") > seen[0][0]
        await machine.rewind()
    assert seen[0] == seen[1]


async def test_what_cannot_be_delivered_ends_the_machine(tmp_path: Path) -> None:
    machine = await start(tmp_path, "ud2")
    ended = await machine.wait_end()
    assert ended.status is None
    assert ended.reason.startswith("triple fault: vector 6 at 0xffffffff80")


async def test_channel_and_console_are_two_ports(tmp_path: Path) -> None:
    body = """
        mov edx, 0x2fd
    wait: in al, dx
        test al, 1
        jz wait
        mov edx, 0x2f8
        in al, dx
        inc al
        out dx, al
        mov edx, 0x3f8
        out dx, al
        mov edx, 0x2fd
        jmp wait
    """
    machine = await start(tmp_path, body)
    await machine.send(b"abcdefghijklmnopqrstuvwxyz")
    assert await machine.receive(26) == b"bcdefghijklmnopqrstuvwxyz{"
    assert machine.console.content[:25] == b"bcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize("count", [1, 2, 3, 50])
async def test_step_executes_exactly_so_many(tmp_path: Path, count: int) -> None:
    machine = await start(tmp_path, "again: inc r14\njmp again")
    machine.step(START)
    before, where = machine.cpu.executed, machine.cpu.get("r14")
    machine.step(2 * count)
    assert machine.cpu.executed - before == 2 * count
    assert machine.cpu.get("r14") - where == count
