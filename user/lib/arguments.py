"""The arguments of the program, where the kernel put them on the stack (System V ABI for AMD64, 3.4.1)."""

from __future__ import annotations

from codegen.lang import Slice, slice_at, struct, u8, u64

LONGEST_TEXT: u64 = 1 << 20


@struct
class ArgumentList:
    """argv; set by `begin`, then constant."""

    count: u64 = 0
    pointers: u64 = 0
    """The address of the array."""

    def begin(self, stack: u64) -> None:
        """Find them: `stack` is where the program's stack pointer was when it began."""
        self.count = slice_at(u64, stack, 1)[0]
        self.pointers = stack + 8

    def address(self, index: u64) -> u64:
        """Where an argument's text is."""
        return slice_at(u64, self.pointers, self.count)[index]

    def text(self, index: u64) -> Slice[u8]:
        """An argument, without its NUL."""
        return text_from(self.address(index))


ARGUMENTS = ArgumentList()


def text_from(address: u64) -> Slice[u8]:
    """The NUL-terminated text at an address, without its NUL."""
    text = slice_at(u8, address, LONGEST_TEXT)
    length: u64 = 0
    while text[length] != 0:
        length += 1
    return text[0:length]
