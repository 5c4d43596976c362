"""Extended attributes: names with values that a file carries (xattr(7)).

Interface: `get` `put` `remove` `names`. Who may is checked by who calls.

An inode begins with the attributes of its origin, in the layer below, and has its own list once they are changed.
"""

from __future__ import annotations

from codegen.lang import (
    Array,
    Fallible,
    MutableSlice,
    Slice,
    array,
    copy,
    inline,
    must_use,
    on_error,
    struct,
    u8,
    u64,
    uninitialised,
)
from kernel.base.errno import EEXIST, EINVAL, ENODATA, ENOSPC
from kernel.base.list import Link, List
from kernel.files.inode import Inode
from kernel.memory.account import Account
from kernel.memory.heap import free, owner_of

NAME_MAX = 255
"""XATTR_NAME_MAX (linux/limits.h)."""
CAPABILITY = b"security.capability"
"""The capabilities that a program gets when it is executed (capabilities(7)); none are honoured here."""
VALUE_MAX: u64 = 65_536
"""XATTR_SIZE_MAX; also the most that listxattr(2) may have to tell."""


@struct
class ExtendedAttribute:
    """One name and its value."""

    link: Link[ExtendedAttribute] = inline()
    name_length: u64 = 0
    name_text: Array[u8] = array(NAME_MAX)
    value: MutableSlice[u8] = uninitialised()

    @property
    def name(self) -> MutableSlice[u8]:
        """The name, with its prefix and without a zero byte."""
        return self.name_text[0 : self.name_length]


@struct
class ExtendedAttributes:
    """Those of one inode."""

    all: List[ExtendedAttribute] = inline(List(ExtendedAttribute.link))
    names_length: u64 = 0
    """What listxattr(2) tells, zero bytes included."""

    def find(self, name: Slice[u8]) -> ExtendedAttribute | None:
        """The one called `name`."""
        for one in self.all:
            if one.name == name:
                return one
        return None

    def add(self, name: Slice[u8], value: Slice[u8]) -> Fallible[None]:
        """One more; `name` is not there yet. ENOSPC, ENOMEM."""
        self.insert(self.make(name, value))

    def append(self, name: Slice[u8], value: Slice[u8]) -> Fallible[None]:
        """One more, whose name is behind all others in the order of bytes. EINVAL if it is not; ENOSPC, ENOMEM."""
        last = self.all.last
        if last is not None and not is_before(last.name, name):
            raise EINVAL
        self.all.push_last(self.make(name, value))

    @must_use
    def make(self, name: Slice[u8], value: Slice[u8]) -> Fallible[ExtendedAttribute]:
        """One that is counted, but not on the list yet. ENOSPC, ENOMEM."""
        length = u64(len(name))
        if self.names_length + length + 1 > VALUE_MAX:
            raise ENOSPC
        heap = owner_of(self).heap
        made = heap.new(ExtendedAttribute)
        with on_error(heap.free, made):
            made.value = copied(owner_of(self), value)
        made.name_length = length
        copy(made.name, name)
        self.names_length += length + 1
        return made

    def insert(self, made: ExtendedAttribute) -> None:
        """Put one where the order of the names wants it."""
        for one in self.all:
            if is_before(made.name, one.name):
                self.all.insert_before(one, made)
                return
        self.all.push_last(made)

    def change(self, name: Slice[u8], value: Slice[u8]) -> Fallible[None]:
        """Give `name` a value, whether it has one or not."""
        one = self.find(name)
        if one is None:
            self.add(name, value)
            return
        made = copied(owner_of(self), value)
        owner_of(self).heap.free_bytes(one.value)
        one.value = made

    def drop(self, one: ExtendedAttribute) -> None:
        """Remove one."""
        self.all.remove(one)
        self.names_length -= one.name_length + 1
        owner_of(self).heap.free_bytes(one.value)
        free(one)

    def free(self) -> None:
        """Remove all, and the list."""
        while True:
            one = self.all.first
            if one is None:
                break
            self.drop(one)
        free(self)


def copied(account: Account, value: Slice[u8]) -> Fallible[MutableSlice[u8]]:
    """`value` on the heap."""
    made = account.heap.allocate_bytes(max(u64(len(value)), 1))[0 : len(value)]
    copy(made, value)
    return made


def is_before(name: Slice[u8], other: Slice[u8]) -> bool:
    """Whether `name` comes first in the order of bytes."""
    for index in range(min(u64(len(name)), u64(len(other)))):
        if name[index] != other[index]:
            return name[index] < other[index]
    return len(name) < len(other)


def shown_by(inode: Inode) -> ExtendedAttributes | None:
    """The list that counts for `inode`: its own, or that of the layer below where it has none."""
    level = inode
    while True:
        own = level.extended
        origin = level.origin
        if own is not None or origin is None:
            return own
        level = origin


def get(inode: Inode, name: Slice[u8]) -> Fallible[MutableSlice[u8]]:
    """The value of `name`, lent. ENODATA."""
    known = shown_by(inode)
    one = None if known is None else known.find(name)
    if one is None:
        raise ENODATA
    return one.value


def put(inode: Inode, name: Slice[u8], value: Slice[u8], may_make: bool, may_replace: bool) -> Fallible[None]:
    """Set the value of `name`. ENODATA if it would have to be made and may not, EEXIST likewise.

    ENOSPC, ENOMEM, EIO.
    """
    inode.check_alive()
    known = shown_by(inode)
    exists = known is not None and known.find(name) is not None
    if exists and not may_replace:
        raise EEXIST
    if not exists and not may_make:
        raise ENODATA
    own = inode.extended
    if own is not None:
        own.change(name, value)
    else:
        made = duplicate(known, inode.fs.account)
        with on_error(made.free):
            made.change(name, value)
        inode.extended = made
    if name == CAPABILITY:
        inode.has_capability = True


def remove(inode: Inode, name: Slice[u8]) -> Fallible[None]:
    """Remove `name`. ENODATA, ENOMEM, EIO."""
    inode.check_alive()
    get(inode, name)
    own = inode.extended
    if own is None:
        own = duplicate(shown_by(inode), inode.fs.account)
        inode.extended = own
    one = own.find(name)
    assert one is not None, "the name was found"
    own.drop(one)
    if name == CAPABILITY:
        inode.has_capability = False


def duplicate(known: ExtendedAttributes | None, account: Account) -> Fallible[ExtendedAttributes]:
    """A list charged to `account` with the same in it. ENOMEM."""
    made = account.heap.new(ExtendedAttributes)
    if known is None:
        return made
    with on_error(made.free):
        for one in known.all:
            made.add(one.name, one.value)
    return made
