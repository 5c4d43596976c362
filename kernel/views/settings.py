"""Numbers that are written to files of /proc/sys."""

from __future__ import annotations

from codegen.lang import Fallible, Slice, u8, u64
from kernel.base.errno import EINVAL, EPERM
from kernel.base.text import parse_unsigned
from kernel.sched.cpu import current

NEWLINE: u8 = 10
SPACE: u8 = 0x20


def setting_in(text: Slice[u8], largest: u64) -> Fallible[u64]:
    """The number that is written to a setting. EPERM for who is not user 0, EINVAL, also above `largest`."""
    if current().process.credentials.user != 0:
        raise EPERM
    length = u64(len(text))
    while length > 0 and (text[length - 1] == NEWLINE or text[length - 1] == SPACE):
        length -= 1
    value = parse_unsigned(text[0:length], 10)
    if value > largest:
        raise EINVAL
    return value
