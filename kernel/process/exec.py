"""Starting programs (execve(2)): from a path to an address space that is ready to run.

`load` builds the whole new address space beside the old one. When anything fails, the old one is as it was; when all
went well, the caller commits to it: no failure is possible after that point.
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Slice,
    deferred,
    local,
    on_error,
    u8,
    u64,
    wrapping_add,
)
from kernel.base.errno import EFAULT, ELIBBAD, ENOEXEC, ENOMEM
from kernel.base.text import index_of
from kernel.files.execution import read_executable
from kernel.files.inode import Inode
from kernel.machine.layout import USER_END
from kernel.memory import growth
from kernel.memory.space import AddressSpace, create
from kernel.memory.user_layout import MAP_TOP, STACK_RESERVE
from kernel.process import script, vdso
from kernel.process.changes import drop_space
from kernel.process.elf import ElfImage, map_program, read_program
from kernel.process.program import Program, drop_file, open_program
from kernel.process.stack import ProgramFacts, StackWriter, build_stack, map_stack
from kernel.sched import switch
from kernel.sched.cpu import current

PROGRAM_BASE: u64 = 0x5555_5555_4000
"""Where a position-independent program is put (ELF_ET_DYN_BASE of Linux without randomisation)."""
INTERPRETER_BASE: u64 = 0x7FFF_E000_0000


def load(program: Program, path: Slice[u8]) -> Fallible[None]:
    """Build the address space for the program at `path`. The running thread's own one is current again afterwards."""
    program.file = open_program(program, path)
    with on_error(drop_file, program):
        script.resolve_scripts(program, path)
        image = local(ElfImage)
        opened = program.file
        assert opened is not None, "it was just opened"
        file = opened.inode
        read_program(file, image)
        space = create(program.account)
        with on_error(drop_space, space):
            fill_space_or_starve(program, space, file, image, path)
    program.space = space


def fill_space_or_starve(
    program: Program, space: AddressSpace, file: Inode, image: ElfImage, path: Slice[u8]
) -> Fallible[None]:
    """`fill_space`, whose copies to pages that could not be had are ENOMEM, not EFAULT."""
    try:
        fill_space(program, space, file, image, path)
    except EFAULT:
        if space.starved:
            raise ENOMEM from None
        raise


def fill_space(program: Program, space: AddressSpace, file: Inode, image: ElfImage, path: Slice[u8]) -> Fallible[None]:
    """Map the program and its stack into `space`, which is the current one meanwhile."""
    before = current().space
    switch.enter_space(space)
    with deferred(return_to, before):
        facts = local(ProgramFacts)
        bias = image.place(PROGRAM_BASE, INTERPRETER_BASE)
        map_program(space, file, image, bias)
        note_places(space, image, bias)
        space.start_break(wrapping_add(u64, bias, image.end))
        facts.entry = wrapping_add(u64, bias, image.entry)
        facts.first_instruction = facts.entry
        facts.headers_address = image.headers_address(bias)
        facts.headers_count = image.headers_count
        if image.interpreter_size > 0:
            map_interpreter(program, space, file, image, facts)
        vdso.map_into(space)
        map_stack(space)
        writer = local(StackWriter)
        program.stack_pointer = build_stack(program.arguments, path, facts, program.lookup.credentials, writer)
        growth.make_room_below(space, program.stack_pointer, STACK_RESERVE)
        space.arguments_start = writer.arguments_start
        space.arguments_end = writer.arguments_end
        space.environment_end = writer.environment_end
        space.auxiliary_start = writer.auxiliary_start
        space.places.stack_start = program.stack_pointer
        program.entry = facts.first_instruction


def note_places(space: AddressSpace, image: ElfImage, bias: u64) -> None:
    """Note where the code and the data of the program are."""
    for index in range(image.segment_count):
        segment = image.segments[index]
        start = wrapping_add(u64, bias, segment.address)
        if start < USER_END and segment.file_size <= USER_END - start:  # else it is empty, and mapped nowhere
            space.places.add_segment(start, start + segment.file_size, segment.executable)


def return_to(space: AddressSpace | None) -> None:
    """Let the running thread see `space` again, or nothing."""
    if space is None:
        switch.leave_space()
    else:
        switch.enter_space(space)


def map_interpreter(
    program: Program, space: AddressSpace, file: Inode, image: ElfImage, facts: ProgramFacts
) -> Fallible[None]:
    """Map the dynamic loader that PT_INTERP names; it is what runs first. ENOENT, EACCES, ELIBBAD."""
    heap = program.arguments.heap
    path = heap.allocate_bytes(image.interpreter_size)
    with deferred(heap.free_bytes, path):
        length = read_executable(file, image.interpreter_offset, path)
        if length != image.interpreter_size or path[length - 1] != 0:
            raise ENOEXEC
        execution = open_program(program, path[0 : index_of(path, 0)])
    with deferred(execution.drop):
        interpreter = execution.inode
        loader = local(ElfImage)
        try:
            read_program(interpreter, loader)
        except ENOEXEC:
            raise ELIBBAD from None
        bias = loader.place(INTERPRETER_BASE, MAP_TOP)
        if not loader.position_independent and loader.start < INTERPRETER_BASE:
            raise ELIBBAD
        map_program(space, interpreter, loader, bias)
    facts.interpreter_base = INTERPRETER_BASE
    facts.first_instruction = wrapping_add(u64, bias, loader.entry)
