"""Starting a program in a container: a RunSpec from the options, and the search along PATH."""

from __future__ import annotations

from codegen.lang import (
    Slice,
    UserAddr,
    address_of,
    i32,
    i64,
    local,
    static_array,
    truncate,
    u8,
    u32,
    u64,
)
from kernel.base.text import index_of
from kernel.containers.abi import RunFlags, RunSpec
from user.ctr.calls import run_in_container
from user.ctr.environment import COLON, ENVIRONMENT, PATH_LENGTH, has_slash, join_path
from user.ctr.messages import EACCES, ENOENT, ENOTDIR
from user.ctr.options import OPTIONS

PATH = static_array(u8, PATH_LENGTH)
FILES = static_array(i32, 6)
"""Three FdPair."""


def give_files(first: u64, second: u64, third: u64) -> None:
    """Let the program have these descriptors as 0, 1 and 2."""
    FILES[0] = truncate(i32, first)
    FILES[1] = 0
    FILES[2] = truncate(i32, second)
    FILES[3] = 1
    FILES[4] = truncate(i32, third)
    FILES[5] = 2


def start_program(container: u64, name: Slice[u8], arguments: u64, count: u64, takes_terminal: bool) -> i64:
    """Start the program `name` with the files of FILES; a pidfd or an error. `arguments` is the address of argv."""
    spec = local(RunSpec)
    spec.flags = u32(RunFlags.TERMINAL) if takes_terminal else 0
    spec.argv = UserAddr(arguments)
    spec.argv_count = count
    spec.envp = UserAddr(address_of(ENVIRONMENT.pointers))
    spec.envp_count = ENVIRONMENT.count
    directory = OPTIONS.directory
    spec.cwd = UserAddr(address_of(directory))
    spec.cwd_length = u64(len(directory))
    spec.uid = OPTIONS.user
    spec.gid = OPTIONS.group
    spec.fds = UserAddr(address_of(FILES))
    spec.fds_count = 3
    if len(name) == 0:
        return ENOENT
    if has_slash(name):
        return run_in_container(container, spec, name)
    return search(container, spec, name, ENVIRONMENT.value_of(b"PATH="))


def search(container: u64, spec: RunSpec, name: Slice[u8], folders: Slice[u8]) -> i64:
    """Try `name` in each of `folders`, as execvp(3) does: the last refusal counts, but EACCES above all."""
    refusal = ENOENT
    start: u64 = 0
    while start < len(folders):
        rest = folders[start:]
        folder = rest[: index_of(rest, COLON)]
        start += len(folder) + 1
        length = join_path(PATH[0:PATH_LENGTH], folder, name)
        if length == 0:
            continue
        result = run_in_container(container, spec, PATH[0:length])
        if result == EACCES:
            refusal = result
        elif result not in (ENOENT, ENOTDIR):
            return result
    return refusal
