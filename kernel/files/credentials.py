"""Credentials: as whom a thread acts on files (credentials(7))."""

from __future__ import annotations

from codegen.lang import Array, array, copy, struct, u32, u64

GROUPS_MAX = 32
"""How many supplementary groups a process may have (Linux: NGROUPS_MAX, 65536)."""


@struct
class Credentials:
    """User and group ids. `user` and `group` are the ones that count for files (effective, file-system)."""

    user: u32 = 0
    group: u32 = 0
    real_user: u32 = 0
    real_group: u32 = 0
    saved_user: u32 = 0
    saved_group: u32 = 0
    group_count: u64 = 0
    groups: Array[u32] = array(GROUPS_MAX)

    def in_group(self, group: u32) -> bool:
        """Whether `group` is the effective group or one of the supplementary groups."""
        if group == self.group:
            return True
        for index in range(self.group_count):
            if self.groups[index] == group:
                return True
        return False

    def become(self, user: u32, group: u32) -> None:
        """Be `user` and `group` in every respect, without supplementary groups."""
        self.user = user
        self.real_user = user
        self.saved_user = user
        self.group = group
        self.real_group = group
        self.saved_group = group
        self.group_count = 0

    def copy_from(self, other: Credentials) -> None:
        """Take over all ids of `other`."""
        self.user = other.user
        self.group = other.group
        self.real_user = other.real_user
        self.real_group = other.real_group
        self.saved_user = other.saved_user
        self.saved_group = other.saved_group
        self.group_count = other.group_count
        copy(self.groups[:], other.groups[:])


ROOT = Credentials()
"""User 0 and group 0: as whom the kernel itself acts."""
