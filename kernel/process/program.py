"""Program: what is to be started, and what loading it has made."""

from __future__ import annotations

from codegen.lang import Fallible, Slice, on_error, struct, u8, u64, uninitialised
from kernel.base.errno import EACCES
from kernel.files.attributes import Access
from kernel.files.execution import Execution, begin_execution
from kernel.files.flags import Resolve
from kernel.files.path import Lookup, resolve
from kernel.memory.account import Account
from kernel.memory.space import AddressSpace
from kernel.process.arguments import Arguments


@struct
class Program:
    """A program to be started, and once `exec.load` is done, the address space that it is in."""

    # What the caller sets.
    account: Account = uninitialised()
    lookup: Lookup = uninitialised()
    arguments: Arguments = uninitialised()

    # What `load` finds.
    file: Execution | None = None
    space: AddressSpace | None = None
    entry: u64 = 0
    stack_pointer: u64 = 0


def open_program(program: Program, path: Slice[u8]) -> Fallible[Execution]:
    """Begin to execute the file that `path` names for `program`.

    ENOENT and the like, EACCES unless it is a file that may be executed, ETXTBSY, ENOMEM.
    """
    lookup = program.lookup
    file = resolve(lookup, path, Resolve.FOLLOW)
    with on_error(file.drop):
        about = file.attributes()
        if not about.is_regular:
            raise EACCES
        file.check(lookup.credentials, Access.EXECUTE)
        return begin_execution(program.account, file)


def drop_file(program: Program) -> None:
    """Let go of the file of a program that was not started."""
    file = program.file
    if file is not None:
        program.file = None
        file.drop()
