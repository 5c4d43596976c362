"""Where the parts of a program are in its address space: what /proc/PID/stat tells (proc(5))."""

from __future__ import annotations

from codegen.lang import align_down, align_up, struct, u64
from kernel.machine.layout import PAGE_SIZE


@struct
class ProgramPlaces:
    """The parts of the program that execve(2) put into an address space."""

    code_start: u64 = 0
    code_end: u64 = 0
    data_start: u64 = 0
    data_end: u64 = 0
    stack_start: u64 = 0

    def add_segment(self, start: u64, end: u64, is_code: bool) -> None:
        """A part of the file is mapped from `start` to `end` (load_elf_binary() of Linux)."""
        if is_code:
            self.code_start = start if self.code_end == 0 else min(self.code_start, start)
            self.code_end = max(self.code_end, end)
        self.data_start = max(self.data_start, start)
        self.data_end = max(self.data_end, end)

    @property
    def code_pages(self) -> u64:
        """How many pages the code has."""
        return (align_up(self.code_end, PAGE_SIZE) - align_down(self.code_start, PAGE_SIZE)) // PAGE_SIZE

    def copy_from(self, other: ProgramPlaces) -> None:
        """Be where `other` is: the address space was copied (fork(2))."""
        self.code_start = other.code_start
        self.code_end = other.code_end
        self.data_start = other.data_start
        self.data_end = other.data_end
        self.stack_start = other.stack_start
