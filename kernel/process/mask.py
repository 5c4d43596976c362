"""A signal mask for the time of one call (pselect(2), ppoll(2), epoll_pwait(2))."""

from __future__ import annotations

from codegen.lang import invert, u64
from kernel.process.deliver import has_signal
from kernel.process.send import retarget
from kernel.process.signal_table import UNBLOCKABLE
from kernel.sched.thread import Thread


def swap(thread: Thread, mask: u64) -> None:
    """Let `mask` be the signal mask of the running `thread` until `restore`."""
    thread.saved_signal_mask = thread.signal_mask
    thread.signal_mask = mask & invert(u64, UNBLOCKABLE)
    thread.restore_signal_mask = True
    retarget(thread.process)
    if has_signal(thread):
        thread.interrupted = True


def restore(thread: Thread) -> None:
    """The call is over: the mask is what it was, unless a signal is to be taken under that of the call first.

    Then the way back to ring 3 restores it (deliver.py), as the handler has to return to the mask from before.
    """
    if thread.restore_signal_mask and not thread.interrupted:
        thread.restore_signal_mask = False
        thread.signal_mask = thread.saved_signal_mask
        if has_signal(thread):
            thread.interrupted = True
