"""Privileges of files: set-user-ID, set-group-ID and file capabilities, which end when others change the file.

Interface: `remove_privileges` before the contents change; `remove_capability` and `without_set_ids` when owner or group
do; `keeps_set_group` for modes that are set. The rules are those of Linux: file_remove_privs(),
setattr_should_drop_sgid().
"""

from __future__ import annotations

from codegen.lang import Fallible, hot, invert, u32
from kernel.files import extended
from kernel.files.attributes import Attributes
from kernel.files.capability import Capability
from kernel.files.credentials import Credentials
from kernel.files.inode import Inode
from kernel.files.watch import Happening, notify
from kernel.machine.clock import wall_time

SET_USER: u32 = 0o4000
SET_GROUP: u32 = 0o2000
GROUP_EXECUTE: u32 = 0o010


def keeps_set_group(who: Credentials, group: u32) -> bool:
    """Whether `who` may leave or set set-group-ID on a file of `group`: its members, and who has CAP_FSETID."""
    return who.in_group(group) or who.has(Capability.FSETID)


def without_set_ids(about: Attributes, who: Credentials) -> u32:
    """The permissions without set-user-ID, and without set-group-ID unless that means nothing and `who` may set it."""
    kept = about.permissions & invert(u32, SET_USER)
    if kept & GROUP_EXECUTE != 0 or not keeps_set_group(who, about.group):
        kept = kept & invert(u32, SET_GROUP)
    return kept


@hot
def remove_privileges(inode: Inode, who: Credentials) -> Fallible[None]:
    """`who` is going to change the contents of a file: it has no privileges any more, but the set-ids for CAP_FSETID.

    ENOMEM, when the file capabilities are those of a layer below and an own list cannot be made.
    """
    about = inode.described
    if about.permissions & (SET_USER | SET_GROUP) == 0 and not inode.has_capability:
        return
    if not about.is_regular:
        return
    kept = about.permissions if who.has(Capability.FSETID) else without_set_ids(about, who)
    had_capability = inode.has_capability
    remove_capability(inode)
    if kept != about.permissions or had_capability:
        about.permissions = kept
        about.changed.set(wall_time())
        notify(inode, Happening.ATTRIBUTES)


def remove_capability(inode: Inode) -> Fallible[None]:
    """Remove the file capabilities of what is no directory. ENOMEM."""
    if inode.has_capability and not inode.described.is_directory:
        extended.remove(inode, extended.CAPABILITY)
