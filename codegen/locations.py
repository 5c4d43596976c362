"""Variables as callers see them: a correction of LLVM's location lists (DWARF 4, section 2.6.2).

A list says where a variable is for ranges of code. LLVM ends a range at the instruction behind a call when the
call destroys its register. A debugger looks a caller up by the address of the call itself, which is one less than
the return address: it would take the destroyed register. So every border moves down by one byte, into the
last instruction of the first range, as GCC writes them.
"""

from __future__ import annotations

import struct

SECTION = ".debug_loc"

_PAIR = struct.Struct("<QQ")
PAIR_SIZE = 16
_BASE_SELECTION = 0xFFFFFFFFFFFFFFFF


def move_borders(content: bytearray) -> None:
    """Correct every list in a `.debug_loc` section."""
    at, previous, before_start, before_end, size = 0, -1, 0, 0, len(content)
    unpack, pack = _PAIR.unpack_from, _PAIR.pack_into
    while at < size:
        start, end = unpack(content, at)
        if start == end == 0 or start == _BASE_SELECTION:
            at, previous = at + PAIR_SIZE, -1
            continue
        if previous >= 0 and before_end == start and before_end - before_start > 1:
            pack(content, previous, before_start, before_end - 1)
            start -= 1
            pack(content, at, start, end)
        previous, before_start, before_end = at, start, end
        at += PAIR_SIZE + 2 + (content[at + PAIR_SIZE] | content[at + PAIR_SIZE + 1] << 8)
