"""The environment of the programs that ctr starts, and where it looks for them."""

from __future__ import annotations

from codegen.lang import Array, MutableSlice, Slice, address_of, array, copy, static_array, struct, u8, u64
from kernel.base.text import index_of
from user.ctr.messages import OWN_FAILURE, complain
from user.lib.arguments import text_from
from user.lib.system import exit_group

VARIABLES_MAX: u64 = 128
PATH_LENGTH: u64 = 4096
HOST_NAME_LENGTH: u64 = 80
EQUALS: u8 = 0x3D
COLON: u8 = 0x3A
SLASH: u8 = 0x2F

SEARCHED = b"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\0"
HOME_OF_ROOT = b"HOME=/root\0"
HOME_OF_OTHERS = b"HOME=/\0"
TERMINAL_KIND = b"TERM=xterm\0"
"""As docker sets them."""
HOST_NAME = static_array(u8, HOST_NAME_LENGTH)
HOST_NAME_PREFIX = b"HOSTNAME="


@struct
class Environment:
    """Pointers to NUL-terminated texts NAME=VALUE, as execve(2) takes them."""

    count: u64 = 0
    pointers: Array[u64] = array(VARIABLES_MAX)

    def add(self, address: u64) -> None:
        """Add the variable at an address."""
        if self.count == VARIABLES_MAX:
            complain(b"--env", b"too many variables")
            exit_group(OWN_FAILURE)
        self.pointers[self.count] = address
        self.count += 1

    def add_default(self, variable: Slice[u8]) -> None:
        """Add a variable unless it was given; its text ends with a NUL."""
        end = index_of(variable, EQUALS) + 1
        if len(self.value_of(variable[0:end])) == 0:
            self.add(address_of(variable))

    def value_of(self, name: Slice[u8]) -> Slice[u8]:
        """The value of a variable; `name` includes the `=`."""
        for index in range(self.count):
            text = text_from(self.pointers[index])
            if len(text) >= len(name) and text[: len(name)] == name:
                return text[len(name) :]
        return b""

    def complete(self, hostname: Slice[u8], is_root: bool, has_terminal: bool) -> None:
        """Add what every program gets."""
        self.add_default(SEARCHED)
        self.add_default(HOME_OF_ROOT if is_root else HOME_OF_OTHERS)
        if has_terminal:
            self.add_default(TERMINAL_KIND)
        prefix = u64(len(HOST_NAME_PREFIX))
        length = min(u64(len(hostname)), HOST_NAME_LENGTH - prefix - 1)
        if length > 0:
            copy(HOST_NAME[0:prefix], HOST_NAME_PREFIX)
            copy(HOST_NAME[prefix : prefix + length], hostname[0:length])
            self.add_default(HOST_NAME[0 : prefix + length + 1])


ENVIRONMENT = Environment()


def join_path(buffer: MutableSlice[u8], folder: Slice[u8], name: Slice[u8]) -> u64:
    """Write `folder/name`; returns its length, or 0 when it does not fit."""
    length = u64(len(folder)) + 1 + u64(len(name))
    if length > len(buffer):
        return 0
    end = u64(len(folder))
    copy(buffer[0:end], folder)
    buffer[end] = SLASH
    copy(buffer[end + 1 : length], name)
    return length


def has_slash(text: Slice[u8]) -> bool:
    """Whether a name is a path, which is not searched for."""
    return index_of(text, SLASH) < len(text)
