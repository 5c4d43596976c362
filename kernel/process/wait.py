"""Waiting for children (wait4(2), waitid(2))."""

from __future__ import annotations

from enum import IntFlag

from codegen.lang import Fallible, Pid, i64, inline, struct, u32, width
from kernel.base.errno import ECHILD
from kernel.process.process import Process
from kernel.process.send import CONTINUED_STATUS
from kernel.process.signal_table import Signal
from kernel.process.usage import Report, report_family


@width(u32)
class WaitOptions(IntFlag):
    """The options of wait4(2) and waitid(2) (linux/wait.h)."""

    NONE = 0
    NO_HANG = 0x1
    STOPPED = 0x2
    EXITED = 0x4
    CONTINUED = 0x8
    NO_WAIT = 0x0100_0000
    NO_THREAD = 0x2000_0000
    ALL = 0x4000_0000
    CLONE = 0x8000_0000


@struct
class Ended:
    """What waiting found; pid 0 when no child has done anything yet."""

    pid: Pid = Pid(0)
    user: u32 = 0
    status: u32 = 0
    used: Report = inline()


def is_wanted(child: Process, parent: Process, which: i64, options: WaitOptions) -> bool:
    """Whether waitpid's first argument `which` means `child`, and the options its kind (__WCLONE: without SIGCHLD)."""
    is_plain = child.exit_signal == u32(Signal.CHILD)
    if WaitOptions.ALL not in options and is_plain == (WaitOptions.CLONE in options):
        return False
    if which == -1:
        return True
    if which == 0:
        return child.group_id == parent.group_id
    if which < 0:
        return i64(child.group_id) == -which
    return i64(child.pid) == which


def wait_for_child(parent: Process, which: i64, options: WaitOptions, ended: Ended) -> Fallible[None]:
    """Fill `ended` with a child that has ended, was stopped or goes on, as `options` ask for. ECHILD, EINTR.

    Without NO_WAIT the change is told only once, and a child that has ended is released.
    """
    while True:
        seen = parent.child_ended.observe()
        has_child = False
        for child in parent.children:
            if is_wanted(child, parent, which, options):
                has_child = True
                look_at(child, options, ended)
                if ended.pid != Pid(0):
                    return
        if not has_child:
            raise ECHILD
        if WaitOptions.NO_HANG in options:
            return
        parent.child_ended.sleep(seen)


def look_at(child: Process, options: WaitOptions, ended: Ended) -> None:
    """Note in `ended` what `child` did that `options` ask for; nothing if it did nothing."""
    if child.is_zombie:
        if WaitOptions.EXITED in options:
            take(child, options, ended)
    elif child.stop_untold and WaitOptions.STOPPED in options:
        note(child, status_of_stop(child.stop_signal), ended)
        child.stop_untold = WaitOptions.NO_WAIT in options
    elif child.continue_untold and WaitOptions.CONTINUED in options:
        note(child, CONTINUED_STATUS, ended)
        child.continue_untold = WaitOptions.NO_WAIT in options


def status_of_stop(signal: u32) -> u32:
    """The status word of a process that `signal` stopped: W_STOPCODE(signal)."""
    return (signal << 8) | 0x7F


def note(child: Process, status: u32, ended: Ended) -> None:
    """Fill in what waiting tells of `child`."""
    ended.pid = child.pid
    ended.user = child.credentials.real_user
    ended.status = status
    report_family(child, ended.used)


def take(child: Process, options: WaitOptions, ended: Ended) -> None:
    """Note how `child` ended, and release it unless it is to stay waitable."""
    note(child, child.status, ended)
    parent = child.parent
    if WaitOptions.NO_WAIT not in options:
        if parent is not None:
            parent.used_by_children.add(ended.used)
        child.release()
