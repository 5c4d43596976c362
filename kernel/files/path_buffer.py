"""Room for paths while they are resolved (path.py).

The path that is left to walk stands at the end of a `PathBuffer`. A symbolic link is replaced there by its target, so
no recursion is needed; if both together do not fit, the path is too long.
"""

from __future__ import annotations

from codegen.lang import Array, Fallible, Slice, array, copy, inline, inline_array, struct, u8, u64
from kernel.base.errno import ENAMETOOLONG, ENOMEM
from kernel.base.list import Link, List
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock
from kernel.files.flags import PATH_MAX

BUFFERS = 8


@struct
class PathBuffer:
    """Room for one path: `text[start:]` is what is left of it."""

    start: u64 = PATH_MAX
    text: Array[u8] = array(PATH_MAX)
    free_link: Link[PathBuffer] = inline()

    def set(self, path: Slice[u8]) -> Fallible[None]:
        """Begin with `path`; ENAMETOOLONG if it has PATH_MAX bytes or more."""
        self.start = PATH_MAX
        self.prepend(path)

    def prepend(self, path: Slice[u8]) -> Fallible[None]:
        """Put `path` before what is left."""
        length = u64(len(path))
        if length >= self.start:
            raise ENAMETOOLONG
        self.start -= length
        copy(self.text[self.start : self.start + length], path)


@struct
class PathBuffers:
    """The buffers that nobody uses. They are static, since resolving a path must not fail for lack of memory;
    no thread sleeps while it holds one, so a few are enough."""

    lock: SpinLock = inline(SpinLock(LockRank.PATH_BUFFERS))
    made: u64 = 0
    free: List[PathBuffer] = inline(List(PathBuffer.free_link))
    buffers: Array[PathBuffer] = inline_array(BUFFERS)

    def take(self) -> Fallible[PathBuffer]:
        """A buffer for one path; give it back with `give_back`."""
        with self.lock:
            buffer = self.free.pop_first()
            if buffer is not None:
                return buffer
            if self.made == BUFFERS:
                raise ENOMEM
            self.made += 1
            return self.buffers[self.made - 1]

    def give_back(self, buffer: PathBuffer) -> None:
        """The path in `buffer` is no longer needed."""
        with self.lock:
            self.free.push_last(buffer)


PATH_BUFFERS = PathBuffers()
