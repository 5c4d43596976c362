"""Mounts: the file systems that a container sees, one behind each mount point (mount_namespaces(7)).

Interface: `MountTable.prepare` `enter` `point_of` `end_step`; `SHARED` are the kernel's own trees.

Every container has the same mounts: its own files at /, and the kernel's /proc, /dev, /dev/pts and /dev/shm. Each is a
`RamFs` with a device number of its own (`st_dev`), so that nothing is linked or moved from one to another. A file
system is made when somebody first goes into it; its device number is reserved with its container, so that
/proc/self/mountinfo tells the truth before.

Invariants
- A mount point is a directory with `Inode.mounted` set. It is held by its mount, and has its name as long as that is
  there: EBUSY for who removes or renames it.
- What is mounted in a layer below does not show through: `mounted` belongs to the inodes of one container.
"""

from __future__ import annotations

from codegen.lang import Array, Fallible, Slice, deferred, inline_array, on_error, struct, u8, u64, uninitialised
from kernel.base.errno import ENOENT
from kernel.files.attributes import Kind
from kernel.files.inode import Inode
from kernel.files.mount_kind import MOUNT_KINDS, MountKind
from kernel.files.ramfs import COUNT, RamFs, create_file_system
from kernel.files.reclaim import reclaim_step
from kernel.memory.account import Account
from kernel.memory.budget import Budget
from kernel.memory.heap import free

MULTIPLEXER_DEVICE: u64 = 0x502
"""makedev(5, 2): /dev/ptmx, and the master of every terminal (admin-guide/devices.txt)."""


@struct
class SharedTrees:
    """What every container shows, though it belongs to the boot container: the layers below its /dev and /proc."""

    devices: RamFs = uninitialised()
    processes: RamFs = uninitialised()


SHARED = SharedTrees()


@struct
class Mount:
    """One mount."""

    fs: RamFs | None = None
    """None until somebody goes into it."""
    point: Inode | None = None


@struct
class MountTable:
    """The mounts of one container."""

    account: Account = uninitialised()
    first_id: u64 = 0
    mounts: Array[Mount] = inline_array(MOUNT_KINDS)
    """By `MountKind`."""

    def prepare(self, root: RamFs) -> Fallible[None]:
        """Mount everything on the fresh file system `root`, whatever is at the mount points."""
        self.account = root.account
        self.first_id = root.id
        COUNT.made = root.id + MOUNT_KINDS - 1
        root.mounts = self
        self.mounts[0].fs = root
        add_point(root.root, b"dev", MountKind.DEVICES)
        add_point(root.root, b"proc", MountKind.PROC)

    def id_of(self, kind: MountKind) -> u64:
        """The number of a mount, which is also that of its device (minor, of major 0)."""
        return self.first_id + u64(kind)

    def find(self, kind: MountKind) -> RamFs | None:
        """The file system that is mounted, if somebody has gone into it."""
        return self.mounts[u64(kind)].fs

    def point_of(self, kind: MountKind) -> Inode | None:
        """The directory that it is mounted on; None for the root."""
        return self.mounts[u64(kind)].point

    def enter(self, point: Inode) -> Fallible[Inode]:
        """The root of what is mounted on `point`, lent."""
        mount = self.mounts[u64(point.mounted)]
        fs = mount.fs
        if fs is not None and fs.has_ended:
            raise ENOENT
        if fs is None:
            fs = self.make(point.mounted)
            mount.fs = fs
            mount.point = point
            point.hold()
        return fs.root

    def terminals(self) -> Fallible[Inode]:
        """The directory of terminals, /dev/pts, wherever a process has its root; lent."""
        root = self.mounts[0].fs
        if root is None:
            raise ENOENT
        devices = self.enter(root.root.lookup(b"dev"))
        return self.enter(devices.lookup(b"pts"))

    def make(self, kind: MountKind) -> Fallible[RamFs]:
        """The file system to mount."""
        lower: Inode | None = None
        if kind == MountKind.PROC:
            lower = SHARED.processes.root
        elif kind == MountKind.DEVICES:
            lower = SHARED.devices.root
        fs = create_file_system(self.account, lower, kind, self.id_of(kind))
        fs.mounts = self
        if kind == MountKind.DEVICES:
            with on_error(fs.destroy):
                mark(fs.root, b"pts", MountKind.TERMINALS)
                mark(fs.root, b"shm", MountKind.SHARED_MEMORY)
        elif kind == MountKind.TERMINALS:
            with on_error(fs.destroy):
                add_multiplexer(fs)
        elif kind == MountKind.SHARED_MEMORY:
            fs.root.described.permissions = 0o1777
        return fs

    def reclaim_step(self, budget: Budget) -> bool:
        """Give back pages of files that can be made again. Whether all were looked at before the budget was spent."""
        for mount in self.mounts[:]:
            fs = mount.fs
            if fs is not None and not reclaim_step(fs, budget):
                return False
        return True

    # The end.

    def count_inodes(self) -> u64:
        """How many inodes there are in all file systems."""
        count: u64 = 0
        for mount in self.mounts[:]:
            fs = mount.fs
            if fs is not None:
                count += u64(len(fs.inodes))
        return count

    def end_step(self) -> bool:
        """A step of the end of all file systems, of bounded length; False when nothing is left. The root ends last."""
        for number in range(MOUNT_KINDS):
            mount = self.mounts[MOUNT_KINDS - 1 - number]
            fs = mount.fs
            if fs is not None and fs.end_step():
                return True
            point = mount.point
            if point is not None:
                mount.point = None
                point.drop()
        return False

    def free(self) -> u64:
        """Give back the file systems, which have ended; how many of their inodes others still refer to."""
        survivors: u64 = 0
        for mount in self.mounts[:]:
            fs = mount.fs
            if fs is not None:
                mount.fs = None
                survivors += fs.survivors
                free(fs)
        return survivors


def add_point(parent: Inode, name: Slice[u8], kind: MountKind) -> Fallible[None]:
    """Make a mount point in `parent`, whatever the layer below has under that name."""
    point = parent.fs.new_inode(Kind.DIRECTORY, 0o755, 0, 0)
    with deferred(point.drop):
        below = parent.find_below(name)
        parent.add(name, point)
        if below is None or not below.described.is_directory:
            parent.described.links += 1
        point.mounted = kind


def add_multiplexer(fs: RamFs) -> Fallible[None]:
    """Make /dev/pts/ptmx, which is the same as /dev/ptmx."""
    node = fs.new_inode(Kind.CHARACTER, 0o666, 0, 0)
    with deferred(node.drop):
        node.described.device = MULTIPLEXER_DEVICE
        fs.root.add(b"ptmx", node)
        node.described.links = 1


def mark(parent: Inode, name: Slice[u8], kind: MountKind) -> Fallible[None]:
    """Let the directory `name` in `parent` be a mount point."""
    parent.lookup(name).mounted = kind
