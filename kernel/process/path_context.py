"""PathContext: where a process begins to look for paths, and which permissions it does not give (clone(2), CLONE_FS).

Interface: `begin` `copy_from` `drop`; `shared` for one that several processes are to have.

Each process has room for one of its own. One that is shared is an object of the heap, as it outlives who shared it.
"""

from __future__ import annotations

from codegen.lang import Fallible, struct, u32, u64, uninitialised
from kernel.files.inode import Inode
from kernel.memory.heap import Heap


@struct
class PathContext:
    """The root directory, the working directory and the umask."""

    root: Inode = uninitialised()
    directory: Inode = uninitialised()
    umask: u32 = 0o022
    references: u64 = 0
    heap: Heap | None = None
    """Where it is from; None: it is the room that a process has for one."""

    def begin(self, root: Inode, directory: Inode) -> None:
        """Be one with these two, of which it gets references of its own, for one process."""
        root.hold()
        directory.hold()
        self.root = root
        self.directory = directory
        self.references = 1

    def copy_from(self, other: PathContext) -> None:
        """Be like `other`, for one process (fork(2))."""
        self.begin(other.root, other.directory)
        self.umask = other.umask

    def change_directory(self, directory: Inode) -> None:
        """chdir(2), with a reference that becomes its own."""
        before = self.directory
        self.directory = directory
        before.drop()

    def change_root(self, root: Inode) -> None:
        """chroot(2), with a reference that becomes its own."""
        before = self.root
        self.root = root
        before.drop()

    def shared(self, heap: Heap) -> Fallible[PathContext]:
        """One that a further process may have: this, or an object of `heap` that takes its place. ENOMEM."""
        if self.heap is not None:
            return self
        made = heap.new(PathContext)
        made.root = self.root
        made.directory = self.directory
        made.umask = self.umask
        made.references = self.references
        made.heap = heap
        return made

    def drop(self) -> None:
        """One process less has it."""
        self.references -= 1
        if self.references > 0:
            return
        self.root.drop()
        self.directory.drop()
        heap = self.heap
        if heap is not None:
            heap.free(self)
