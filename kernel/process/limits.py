"""Limits of a process: what it, or its parent, has set for it (setrlimit(2)).

Children inherit them. What the container may use altogether is the business of its account.
"""

from __future__ import annotations

from enum import IntEnum

from codegen.lang import Array, array, copy, fill, struct, u32, u64, width
from kernel.files.table import DESCRIPTORS_DEFAULT, DESCRIPTORS_MAX
from kernel.memory.space import AddressSpace
from kernel.memory.user_layout import STACK_SIZE

UNLIMITED: u64 = 0xFFFF_FFFF_FFFF_FFFF
"""RLIM_INFINITY."""
RESOURCES: u64 = 16
LOCKED_MEMORY: u64 = 8 << 20
PENDING_SIGNALS: u64 = 16_384
MESSAGE_BYTES: u64 = 819_200
"""What a fresh Linux gives (include/asm-generic/resource.h)."""


@width(u32)
class Resource(IntEnum):
    """RLIMIT_* of x86-64 (asm-generic/resource.h)."""

    PROCESSOR_TIME = 0
    FILE_SIZE = 1
    DATA = 2
    STACK = 3
    CORE = 4
    RESIDENT = 5
    PROCESSES = 6
    FILES = 7
    LOCKED_MEMORY = 8
    ADDRESS_SPACE = 9
    LOCKS = 10
    PENDING_SIGNALS = 11
    MESSAGES = 12
    NICE = 13
    REAL_TIME_PRIORITY = 14
    REAL_TIME = 15


@struct
class Limits:
    """The soft and the hard limit of every resource."""

    soft: Array[u64] = array(RESOURCES)
    hard: Array[u64] = array(RESOURCES)

    def begin(self, processes: u64) -> None:
        """The limits of a process that comes from outside, in a container of at most so many processes."""
        fill(self.soft[:], UNLIMITED)
        fill(self.hard[:], UNLIMITED)
        self.soft[u64(Resource.STACK)] = STACK_SIZE
        self.soft[u64(Resource.CORE)] = 0
        self.set_both(Resource.PROCESSES, processes)
        self.soft[u64(Resource.FILES)] = DESCRIPTORS_DEFAULT
        self.hard[u64(Resource.FILES)] = DESCRIPTORS_MAX
        self.set_both(Resource.LOCKED_MEMORY, LOCKED_MEMORY)
        self.set_both(Resource.PENDING_SIGNALS, min(processes, PENDING_SIGNALS))
        self.set_both(Resource.MESSAGES, MESSAGE_BYTES)
        self.set_both(Resource.NICE, 0)
        self.set_both(Resource.REAL_TIME_PRIORITY, 0)

    def set_both(self, resource: Resource, value: u64) -> None:
        """Let the soft limit be the hard one."""
        self.soft[u64(resource)] = value
        self.hard[u64(resource)] = value

    def soft_of(self, resource: Resource) -> u64:
        """The limit that counts."""
        return self.soft[u64(resource)]

    def apply_to(self, space: AddressSpace) -> None:
        """Let `space`, which the process has, know those that are about memory."""
        with space.lock:
            quota = space.quota
            quota.total = self.soft_of(Resource.ADDRESS_SPACE)
            quota.data = self.soft_of(Resource.DATA)
            quota.stack = self.soft_of(Resource.STACK)
            quota.locked = self.soft_of(Resource.LOCKED_MEMORY)

    @property
    def has_processor_time(self) -> bool:
        """Whether there is a limit of processor time, which somebody has to look after."""
        resource: u64 = u64(Resource.PROCESSOR_TIME)
        return self.soft[resource] != UNLIMITED or self.hard[resource] != UNLIMITED

    def copy_from(self, other: Limits) -> None:
        """Have the limits of `other`."""
        copy(self.soft[:], other.soft[:])
        copy(self.hard[:], other.hard[:])
