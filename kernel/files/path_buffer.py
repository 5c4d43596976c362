"""Room for paths while they are resolved (path.py).

The path that is left to walk stands at the end of a `PathBuffer`. A symbolic link is replaced there by its target, so
no recursion is needed; if both together do not fit, the path is too long.
"""

from __future__ import annotations

from codegen.lang import Array, Fallible, Slice, array, copy, inline, inline_array, struct, u8, u64
from kernel.base.errno import ENAMETOOLONG
from kernel.base.list import Link, List
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock
from kernel.files.flags import PATH_MAX
from kernel.sched.wait import WaitQueue

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
    """The buffers that nobody uses. They are static, since resolving a path must not fail for lack of memory. A thread
    has one at most, so one that finds none waits for those that have some: they may sleep over a fault, but not for
    another buffer."""

    returned: WaitQueue = inline()
    lock: SpinLock = inline(SpinLock(LockRank.PATH_BUFFERS))
    made: u64 = 0
    waiting: u64 = 0
    """How many threads wait for one."""
    free: List[PathBuffer] = inline(List(PathBuffer.free_link))
    buffers: Array[PathBuffer] = inline_array(BUFFERS)

    def take(self) -> PathBuffer:
        """A buffer for one path; give it back with `give_back`. Sleeps while there is none."""
        while True:
            seen = self.returned.observe()
            with self.lock:
                buffer = self.free.pop_first()
                if buffer is not None:
                    return buffer
                if self.made < BUFFERS:
                    self.made += 1
                    return self.buffers[self.made - 1]
                self.waiting += 1
            self.returned.sleep_uninterrupted(seen)

    def give_back(self, buffer: PathBuffer) -> None:
        """The path in `buffer` is no longer needed."""
        with self.lock:
            self.free.push_last(buffer)
            is_awaited = self.waiting > 0
            if is_awaited:
                self.waiting -= 1
        if is_awaited:
            self.returned.wake_one()


PATH_BUFFERS = PathBuffers()
