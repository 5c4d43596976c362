"""Bodies that run both under CPython and compiled in the emulator."""

from __future__ import annotations

from codegen.lang import (
    Array,
    Nanoseconds,
    Slice,
    copy,
    i64,
    inline,
    inline_array,
    local,
    struct,
    u8,
    u32,
    u64,
)
from kernel.files.attributes import Access, Attributes, Kind
from kernel.files.credentials import Credentials
from kernel.files.directory import Directory, DirectoryEntry, hash_of
from kernel.files.path import Lookup, take_component
from kernel.files.path_buffer import PathBuffer
from kernel.files.timestamp import Timestamp

ENTRIES = 24


@struct
class Names:
    """A directory and the entries for it."""

    directory: Directory = inline()
    entries: Array[DirectoryEntry] = inline_array(ENTRIES)


def name_entry(entry: DirectoryEntry, number: u64) -> None:
    """Give an entry a name of its own."""
    entry.name_length = 3
    entry.short_name[0] = 0x66
    entry.short_name[1] = 0x61 + u8(number // 5)
    entry.short_name[2] = 0x61 + u8(number % 5)
    entry.hash = hash_of(entry.name)


def count_found(names: Names) -> u64:
    """How many of the entries are found by their names."""
    count: u64 = 0
    for number in range(ENTRIES):
        entry = names.entries[number]
        if names.directory.find(entry.name) is entry:
            count += 1
    return count


def fill_and_empty(step: u64) -> u64:
    """Insert all, remove every `step`th, insert those again; how many were found after each, in one number."""
    names = local(Names)
    for number in range(ENTRIES):
        name_entry(names.entries[number], number)
        names.directory.insert(names.entries[number])
    answer = count_found(names)
    for number in range(ENTRIES):
        if number % step == 0:
            names.directory.remove(names.entries[number])
    answer = answer * 100 + count_found(names)
    for number in range(ENTRIES):
        if number % step == 0:
            names.directory.insert(names.entries[number])
    answer = answer * 100 + count_found(names)
    return answer * 100 + u64(len(names.directory.order))


def components(path: Slice[u8]) -> u64:
    """The lengths of the components of a path, as the digits of a number."""
    buffer = local(PathBuffer)
    lookup = local(Lookup)
    buffer.start = 4096 - u64(len(path))
    copy(buffer.text[buffer.start :], path)
    answer: u64 = 0
    slash = False
    while True:
        length = take_component(lookup, buffer)
        if length == 0:
            return answer * 2 + (1 if slash else 0)
        slash = lookup.trailing_slash
        answer = answer * 10 + length


def permitted(permissions: u32, user: u32, group: u32, wanted: u32) -> bool:
    """Whether a file of user 1 and group 2 may be used so."""
    who = local(Credentials)
    who.become(user, group)
    about = local(Attributes)
    about.kind = Kind.REGULAR
    about.permissions = permissions
    about.user = 1
    about.group = 2
    return about.permits(who, Access(wanted))


def is_later(seconds: i64, nanoseconds: u32, other_seconds: i64, other_nanoseconds: u32) -> bool:
    """Whether the first moment is after the second."""
    one, other = local(Timestamp), local(Timestamp)
    one.set_parts(seconds, nanoseconds)
    other.set_parts(other_seconds, other_nanoseconds)
    return one.is_after(other)


def parts_of(moment: u64) -> u64:
    """A moment of the clock as a file has it: its seconds and nanoseconds in one number."""
    time = local(Timestamp)
    time.set(Nanoseconds(moment))
    return u64(time.seconds) * 10_000_000_000 + time.nanoseconds
