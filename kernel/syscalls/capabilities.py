"""Capabilities of a process: capget(2), capset(2), and what prctl(2) has for them."""

from __future__ import annotations

from codegen.lang import (
    Array,
    Fallible,
    Pid,
    UserAddr,
    UserSlice,
    array,
    i32,
    load,
    local,
    store,
    struct,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EINVAL, EPERM
from kernel.files.capability import ALL, CAPABILITIES, Capabilities
from kernel.memory import user
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_support import advance

VERSION_1: u32 = 0x19980330
VERSION_2: u32 = 0x20071026
VERSION_3: u32 = 0x20080522
"""_LINUX_CAPABILITY_VERSION_*: the first has sets of 32 bits, the others of 64, in two structs after each other."""
STRUCT_SIZE: u64 = 12
"""sizeof(struct __user_cap_data_struct): effective, permitted, inheritable, 32 bits each."""

AMBIENT_IS_SET: u64 = 1
AMBIENT_RAISE: u64 = 2
AMBIENT_LOWER: u64 = 3
AMBIENT_CLEAR_ALL: u64 = 4
"""PR_CAP_AMBIENT_*."""


@struct
class Sets:
    """The three sets of capget(2)."""

    effective: u64 = 0
    permitted: u64 = 0
    inheritable: u64 = 0
    content: Array[u8] = array(24)

    def take(self, data: UserAddr, structs: u64) -> Fallible[None]:
        """Read them from so many structs. EFAULT."""
        content = self.content[0 : structs * STRUCT_SIZE]
        user.copy_in(content, UserSlice(data, structs * STRUCT_SIZE))
        for index in range(structs):
            shift = 32 * index
            self.effective |= u64(load(u32, content, index * STRUCT_SIZE)) << shift
            self.permitted |= u64(load(u32, content, index * STRUCT_SIZE + 4)) << shift
            self.inheritable |= u64(load(u32, content, index * STRUCT_SIZE + 8)) << shift

    def put(self, data: UserAddr, structs: u64) -> Fallible[None]:
        """Write them to so many structs. EFAULT."""
        content = self.content[0 : structs * STRUCT_SIZE]
        for index in range(structs):
            shift = 32 * index
            store(u32, content, index * STRUCT_SIZE, u32(self.effective >> shift & 0xFFFF_FFFF))
            store(u32, content, index * STRUCT_SIZE + 4, u32(self.permitted >> shift & 0xFFFF_FFFF))
            store(u32, content, index * STRUCT_SIZE + 8, u32(self.inheritable >> shift & 0xFFFF_FFFF))
        user.copy_out(UserSlice(data, structs * STRUCT_SIZE), content)


def structs_of(version: u32) -> u64:
    """How many structs the data of a version is made of; 0: there is no such version."""
    if version == VERSION_1:
        return 1
    return 2 if version == VERSION_2 or version == VERSION_3 else 0


@syscall(125)
def capget(task: Thread, header: UserAddr, data: UserAddr) -> Fallible[None]:
    """capget(2). Without data it only tells the newest version."""
    structs = structs_of(user.get(u32, header))
    if structs == 0:
        user.put(u32, header, VERSION_3)
        if u64(data) == 0:
            return
        raise EINVAL
    if u64(data) == 0:
        return
    pid = user.get(i32, advance(header, 4))
    if pid < 0:
        raise EINVAL
    process = task.process if pid == 0 else task.process.container.numbers.process_of(Pid(pid))
    about = process.credentials.capabilities
    sets = local(Sets)
    sets.effective = about.effective
    sets.permitted = about.permitted
    sets.inheritable = about.inheritable
    sets.put(data, structs)


@syscall(126)
def capset(task: Thread, header: UserAddr, data: UserAddr) -> Fallible[None]:
    """capset(2): of the caller itself."""
    structs = structs_of(user.get(u32, header))
    if structs == 0:
        user.put(u32, header, VERSION_3)
        raise EINVAL
    pid = user.get(i32, advance(header, 4))
    if pid != 0 and pid != i32(task.id):
        raise EPERM
    sets = local(Sets)
    sets.take(data, structs)
    task.process.credentials.capabilities.set(sets.effective & ALL, sets.permitted & ALL, sets.inheritable & ALL)


def change_ambient(own: Capabilities, operation: u64, capability: u64, fourth: u64, fifth: u64) -> Fallible[u64]:
    """PR_CAP_AMBIENT of prctl(2). EINVAL, EPERM."""
    if operation == AMBIENT_CLEAR_ALL:
        if capability != 0 or fourth != 0 or fifth != 0:
            raise EINVAL
        own.ambient = 0
        return 0
    if capability >= CAPABILITIES or fourth != 0 or fifth != 0:
        raise EINVAL
    one = u64(1) << capability
    if operation == AMBIENT_IS_SET:
        return 1 if own.ambient & one != 0 else 0
    if operation == AMBIENT_RAISE:
        own.raise_ambient(capability)
    elif operation == AMBIENT_LOWER:
        own.ambient = own.ambient & (one ^ ALL)
    else:
        raise EINVAL
    return 0
