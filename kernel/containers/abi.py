"""The structs that container calls pass between a program and the kernel.

Each begins with its own size and a version, and only ever grows at the end, as clone3(2) and openat2(2) do: a program
that knows less passes less, and the rest counts as zero. Addresses are those of the caller's memory. The harness
builds its requests from these very classes.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

from codegen.lang import Array, UserAddr, array, i32, i64, struct, u8, u32, u64, width

VERSION: u32 = 1
NAME_MAX: u64 = 63
HOSTNAME_MAX: u64 = 64
"""__NEW_UTS_LEN of Linux."""
ARGUMENTS_MAX: u64 = 4096
FILES_MAX: u64 = 1024
LIMITS_MAX: u64 = 16
"""One for each resource."""


@width(u32)
class ContainerStage(IntEnum):
    """Where a container is in its life."""

    CREATED = 1
    RUNNING = 2
    FROZEN = 3
    DYING = 4
    EMPTY = 5
    """Ran, and its last process ended: more can be run in it."""


@width(u32)
class ControlOperation(IntEnum):
    """`operation` of control_container."""

    FREEZE = 1
    THAW = 2
    KILL = 3
    """Kill every process; the container stays."""
    SIGNAL = 4
    """Send signal `argument` to every process."""
    OPEN_ROOT = 5
    """Return a descriptor of its root directory, to be read and as a place for openat(2)."""
    LEAVE_WRITABLE = 6
    """What descriptor `argument` refers to, a file or directory of the container's own root, stays writable."""
    MAKE_READ_ONLY = 7
    """Let its root be read-only, but for that; it never is writable again."""


@struct(size=96)
class ContainerConfig:
    """create_container: what the new container is to be."""

    size: u64 = 0
    version: u32 = 0
    flags: u32 = 0
    """None is defined yet; a set bit is EINVAL."""
    name: UserAddr = UserAddr(0)
    name_length: u64 = 0
    root: UserAddr = UserAddr(0)
    """Path of a directory in the caller's file system: the read-only layer below the container's own files."""
    root_length: u64 = 0
    hostname: UserAddr = UserAddr(0)
    hostname_length: u64 = 0
    page_limit: u64 = 0
    """0: no limit but the parent's."""
    process_limit: u64 = 0
    weight: u64 = 0
    """Share of the processors in relation to other containers; 0: the default, 100."""
    cpu_limit: u64 = 0
    """Thousandths of a processor that it may use, together with all containers inside; 0: no limit but the parent's."""


CONFIG_SIZE_FIRST: u64 = 88
"""The size of version 1 as first published; less is EINVAL."""


@struct(size=8)
class FdPair:
    """One descriptor that the first process gets: the caller's `source` becomes its `target`."""

    source: i32 = 0
    target: i32 = 0


@struct(size=24)
class ResourceLimit:
    """One limit of the new process, as setrlimit(2) sets it."""

    resource: u32 = 0
    reserved: u32 = 0
    """0, or EINVAL."""
    soft: u64 = 0
    hard: u64 = 0


@width(u32)
class RunFlags(IntFlag):
    """`RunSpec.flags`; any other bit is EINVAL."""

    NONE = 0
    TERMINAL = 1
    """Descriptor 0 of the new process is a terminal, and becomes the controlling one of its session."""


RUN_FLAG_BITS: u32 = 1


@struct(size=136)
class RunSpec:
    """run_in_container: what the new process is to be."""

    size: u64 = 0
    version: u32 = 0
    flags: u32 = 0
    """RunFlags."""
    path: UserAddr = UserAddr(0)
    path_length: u64 = 0
    argv: UserAddr = UserAddr(0)
    """Array of `argv_count` pointers to NUL-terminated strings."""
    argv_count: u64 = 0
    envp: UserAddr = UserAddr(0)
    envp_count: u64 = 0
    cwd: UserAddr = UserAddr(0)
    cwd_length: u64 = 0
    uid: u32 = 0
    gid: u32 = 0
    fds: UserAddr = UserAddr(0)
    """Array of `fds_count` FdPair."""
    fds_count: u64 = 0
    groups: UserAddr = UserAddr(0)
    """Array of `groups_count` supplementary groups, u32 each."""
    groups_count: u64 = 0
    limits: UserAddr = UserAddr(0)
    """Array of `limits_count` ResourceLimit; what is not in it is as in a fresh Linux."""
    limits_count: u64 = 0


RUN_SIZE_FIRST: u64 = 104


@struct(size=152)
class ContainerState:
    """query_container and destroy's last word: usage, limits, and what destroying gave back."""

    id: u64 = 0
    stage: u32 = 0
    reserved: u32 = 0
    processes_used: u64 = 0
    processes_peak: u64 = 0
    processes_limit: u64 = 0
    pages_used: u64 = 0
    pages_peak: u64 = 0
    pages_limit: u64 = 0
    reclaimed_pages: u64 = 0
    reclaimed_objects: u64 = 0
    reclaimed_processes: u64 = 0
    unknown_calls: u64 = 0
    last_unknown_call: u64 = 0
    cpu_time: u64 = 0
    children: u64 = 0
    open_files: u64 = 0
    weight: u64 = 0
    cpu_limit: u64 = 0
    cpu_throttled: u64 = 0
    """In how many periods of 100 ms the limit was used up."""


@struct(size=24)
class ContainerEvent:
    """One event as `read(2)` of a container's descriptor yields it."""

    kind: u32 = 0
    pid: i32 = 0
    status: u32 = 0
    lost: u32 = 0
    time: u64 = 0


@width(u32)
class TraceKind(IntEnum):
    """`TraceRecord.kind`."""

    ENTRY = 1
    """A system call begins."""
    EXIT = 2
    """It has been made; of one that ends the thread there is none."""
    SIGNAL = 3
    """The thread takes signal `number`, with si_code in `result` and the next 16 bytes of siginfo_t as arguments."""
    END = 4
    """The thread ends; `result` is the status of its process as wait4(2) tells it."""


@width(u8)
class PieceKind(IntEnum):
    """Low byte of a word of the table of trace_container: what is copied of what an argument points at.

    Bits 16 to 31 of the word say how many bytes at most; bits 8 to 11, which argument has the length of BYTES_IN.
    """

    NONE = 0
    STRING = 1
    STRINGS = 2
    """An array of pointers to strings that ends with a null pointer; a piece each."""
    BYTES_IN = 3
    BYTES_OUT = 4
    """After the call, as many bytes as its result says."""
    STRUCT_IN = 5
    STRUCT_OUT = 6
    """After the call, unless it failed."""


TRACE_ARGUMENTS: u64 = 6
TRACE_CALLS_MAX: u64 = 2048
"""For how many calls the table of trace_container may have words."""
TRACE_CAPACITY_LEAST: u64 = 4096
TRACE_CAPACITY_MOST: u64 = 1 << 20


@struct(size=96)
class TraceRecord:
    """What read(2) of a descriptor of trace_container yields, with pieces of memory behind it.

    A piece has the number of its argument and, in the lowest bit of the next word, whether it was cut off (2 bytes
    each), its length (4 bytes), and its bytes, filled up to a multiple of 8.
    """

    size: u32 = 0
    """Of the record with its pieces."""
    kind: u32 = 0
    pid: i32 = 0
    tid: i32 = 0
    time: u64 = 0
    """CLOCK_MONOTONIC in nanoseconds."""
    number: u64 = 0
    result: i64 = 0
    lost: u32 = 0
    """How many records found no room since the one before."""
    reserved: u32 = 0
    arguments: Array[u64] = array(6)


@width(u8)
class EventKind(IntEnum):
    """`ContainerEvent.kind`."""

    EXIT = 1
    OUT_OF_MEMORY = 2
    EMPTY = 3
    FROZEN = 4
    THAWED = 5
    PAGE_LIMIT = 6
    """A page was refused at the container's own limit, for the first time since it was well below it."""
    PROCESS_LIMIT = 7
    """Likewise, a process or thread."""
