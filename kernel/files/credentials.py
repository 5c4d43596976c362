"""Credentials: as whom a thread acts on files (credentials(7))."""

from __future__ import annotations

from codegen.lang import Array, Slice, array, copy, inline, struct, u32, u64
from kernel.files.capability import Capabilities, Capability

GROUPS_MAX = 32
"""How many supplementary groups a process may have (Linux: NGROUPS_MAX, 65536)."""


@struct
class Credentials:
    """User and group ids, and capabilities. `user` and `group` are the ones that count for files (setfsuid(2))."""

    user: u32 = 0
    group: u32 = 0
    effective_user: u32 = 0
    effective_group: u32 = 0
    real_user: u32 = 0
    real_group: u32 = 0
    saved_user: u32 = 0
    saved_group: u32 = 0
    capabilities: Capabilities = inline()
    group_count: u64 = 0
    groups: Array[u32] = array(GROUPS_MAX)

    def has(self, capability: Capability) -> bool:
        """Whether a right of the superuser is there: what decides wherever something is privileged."""
        return self.capabilities.has(capability)

    def in_group(self, group: u32) -> bool:
        """Whether `group` is the group for files or one of the supplementary groups."""
        if group == self.group:
            return True
        for index in range(self.group_count):
            if self.groups[index] == group:
                return True
        return False

    @property
    def is_any_root(self) -> bool:
        """Whether one of the three user ids is 0."""
        return self.real_user == 0 or self.effective_user == 0 or self.saved_user == 0

    @property
    def changes_ids(self) -> bool:
        """Whether it acts as another than it really is."""
        return self.effective_user != self.real_user or self.effective_group != self.real_group

    def become(self, user: u32, group: u32) -> None:
        """Be `user` and `group` in every respect, without supplementary groups."""
        self.user = user
        self.effective_user = user
        self.real_user = user
        self.saved_user = user
        self.group = group
        self.effective_group = group
        self.real_group = group
        self.saved_group = group
        self.capabilities.begin(user == 0)
        self.group_count = 0

    def set_groups(self, groups: Slice[u32]) -> None:
        """Have these supplementary groups, at most GROUPS_MAX."""
        copy(self.groups[0 : len(groups)], groups)
        self.group_count = len(groups)

    def be_real(self) -> None:
        """Act on files as the real ids, with what the real user may (access(2))."""
        self.user = self.real_user
        self.group = self.real_group
        capabilities = self.capabilities
        if not capabilities.secure.no_fixup:
            capabilities.effective = capabilities.permitted if self.real_user == 0 else 0

    def begin_program(self) -> None:
        """execve(2): the saved ids and those for files are the effective ones, and capabilities are found anew."""
        self.saved_user = self.effective_user
        self.user = self.effective_user
        self.saved_group = self.effective_group
        self.group = self.effective_group
        self.capabilities.begin_program(self.real_user == 0, self.effective_user == 0, self.changes_ids)

    def copy_from(self, other: Credentials) -> None:
        """Take over all of `other`."""
        self.user = other.user
        self.group = other.group
        self.effective_user = other.effective_user
        self.effective_group = other.effective_group
        self.real_user = other.real_user
        self.real_group = other.real_group
        self.saved_user = other.saved_user
        self.saved_group = other.saved_group
        self.capabilities.copy_from(other.capabilities)
        self.group_count = other.group_count
        copy(self.groups[0 : self.group_count], other.groups[0 : self.group_count])


ROOT = Credentials()
"""User 0 and group 0: as whom the kernel itself acts."""
