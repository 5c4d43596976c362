"""Builds the programs of ring 3: static ELF files of the same compiler."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from codegen import Program, Stub, compile_program, link
from codegen.build import Progress
from codegen.frames import OUTERMOST
from codegen.target import Target
from user.lib import trap

BASE = 0x400000
"""Where a static program is linked, as GNU ld does on x86-64."""


def start_stub() -> Stub:
    """`_start` (System V ABI for AMD64, 3.4.1): rsp points at argc; `user_main` gets that address."""
    return Stub(
        "_start",
        "text",
        lambda symbols: (
            f"""
            xor ebp, ebp
            mov rdi, rsp
            and rsp, -16
            mov rax, {symbols["user_main"]}
            call rax
            xor edi, edi
            mov eax, 231
            syscall
            ud2
        """
        ),
        frame=OUTERMOST,
    )


def compile_user(*entries: Callable[..., Any], cache: Path | None = None, progress: Progress | None = None) -> Program:
    """Compile the exported `user_main` of a program, what else it exports, and all that these reach."""
    roots: list[Callable[..., Any]] = [*entries, trap.trap_failed, trap.trap_message]
    return compile_program(roots, target=Target.USER, cache=cache, progress=progress)


def build(*entries: Callable[..., Any], cache: Path | None = None, progress: Progress | None = None) -> bytes:
    """The static ELF of the program whose exported entry is the `user_main` among `entries`."""
    program = compile_user(*entries, cache=cache, progress=progress)
    return link(program, base=BASE, stubs=[start_stub()], entry="_start", user=True).elf


def build_agent(*, cache: Path | None = None, progress: Progress | None = None) -> bytes:
    """The static ELF of the agent."""
    from user.agent.main import user_main

    return build(user_main, cache=cache, progress=progress)


def build_ctr(*, cache: Path | None = None, progress: Progress | None = None) -> bytes:
    """The static ELF of ctr."""
    from user.ctr.main import user_main

    return build(user_main, cache=cache, progress=progress)


def build_init(*, cache: Path | None = None, progress: Progress | None = None) -> bytes:
    """The static ELF of the first process that --init starts."""
    from user.init.main import user_main

    return build(user_main, cache=cache, progress=progress)


def build_bench(*, cache: Path | None = None) -> dict[str, bytes]:
    """The static ELFs that the benchmark runs in the guest, by name."""
    from user.bench.main import user_main as bench_main
    from user.bench.threads import answer_words, end_at_once
    from user.true.main import user_main as true_main

    bench = build(bench_main, end_at_once, answer_words, cache=cache)
    return {"bench": bench, "true": build(true_main, cache=cache)}


def build_puppet(*, cache: Path | None = None) -> bytes:
    """The static ELF of the program that tests tell what to do."""
    from user.puppet.main import end_at_once, sleep_for_ever, user_main

    return build(user_main, end_at_once, sleep_for_ever, cache=cache)


def build_race(*, cache: Path | None = None) -> bytes:
    """The static ELF of the program whose processes and threads race each other."""
    from user.race.futexes import take_and_count
    from user.race.main import user_main
    from user.race.memory import count_in_page, move_memory, read_page, write_page
    from user.race.processes import be_busy, do_nothing, end_process, spawned
    from user.race.registers import clobber_registers, compute
    from user.race.streams import use_files

    of_memory = (count_in_page, move_memory, read_page, write_page)
    of_processes = (be_busy, do_nothing, end_process, spawned)
    others = (take_and_count, clobber_registers, compute, use_files)
    return build(user_main, *of_memory, *of_processes, *others, cache=cache)


def build_fuzz(*, cache: Path | None = None) -> bytes:
    """The static ELF of the program that makes random system calls."""
    from user.fuzz.main import play_as_thread, user_main
    from user.fuzz.threads import handle_signal

    return build(user_main, play_as_thread, handle_signal, cache=cache)
