"""What a process sets for itself: prctl(2), personality(2)."""

from __future__ import annotations

from codegen.lang import Fallible, UserAddr, UserSlice, local_array, to_raw, u8, u32, u64
from kernel.base.errno import EINVAL
from kernel.files.capability import CAPABILITIES, Capabilities
from kernel.memory import user
from kernel.process.process import NAME_LENGTH
from kernel.process.settings import Settings
from kernel.process.signal_table import SIGNALS
from kernel.sched.thread import Thread
from kernel.syscalls.capabilities import change_ambient
from kernel.syscalls.declare import syscall

PR_SET_PDEATHSIG = 1
PR_GET_PDEATHSIG = 2
PR_GET_DUMPABLE = 3
PR_SET_DUMPABLE = 4
PR_GET_KEEPCAPS = 7
PR_SET_KEEPCAPS = 8
PR_GET_TIMING = 13
PR_SET_TIMING = 14
PR_SET_NAME = 15
PR_GET_NAME = 16
PR_GET_SECCOMP = 21
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_GET_TSC = 25
PR_SET_TSC = 26
PR_GET_SECUREBITS = 27
PR_SET_SECUREBITS = 28
PR_SET_TIMERSLACK = 29
PR_GET_TIMERSLACK = 30
PR_SET_CHILD_SUBREAPER = 36
PR_GET_CHILD_SUBREAPER = 37
PR_SET_NO_NEW_PRIVS = 38
PR_GET_NO_NEW_PRIVS = 39
PR_GET_TID_ADDRESS = 40
PR_SET_THP_DISABLE = 41
PR_GET_THP_DISABLE = 42
PR_CAP_AMBIENT = 47
"""prctl(2)."""
OF_CAPABILITIES = (
    PR_GET_KEEPCAPS,
    PR_SET_KEEPCAPS,
    PR_CAPBSET_READ,
    PR_CAPBSET_DROP,
    PR_GET_SECUREBITS,
    PR_SET_SECUREBITS,
)
TSC_ENABLED: u32 = 1
"""PR_TSC_ENABLE: RDTSC is never a SIGSEGV."""
KEEP_PERSONALITY: u32 = 0xFFFF_FFFF
"""personality(2): only asks."""


@syscall(
    157,
    missing="PR_SET_MM, PR_SET_TSC to SIGSEGV, PR_SET_SECCOMP, PR_SET_SYSCALL_USER_DISPATCH, PR_MCE_KILL, speculation "
    "control: EINVAL",
)
def prctl(task: Thread, option: u32, argument: u64, third: u64, fourth: u64, fifth: u64) -> Fallible[u64]:
    """prctl(2)."""
    settings = task.process.settings
    nothing_more = third == 0 and fourth == 0 and fifth == 0
    if option == PR_SET_NAME:
        set_name(task, UserAddr(argument))
        return 0
    if option == PR_GET_NAME:
        user.copy_out(UserSlice(UserAddr(argument), NAME_LENGTH), task.name[:])
        return 0
    if option == PR_SET_PDEATHSIG and argument <= SIGNALS:
        settings.parent_death_signal = u32(argument)
        return 0
    if option == PR_GET_PDEATHSIG:
        user.put(u32, UserAddr(argument), settings.parent_death_signal)
        return 0
    if option == PR_SET_CHILD_SUBREAPER:
        settings.reaps_orphans = argument != 0
        return 0
    if option == PR_GET_CHILD_SUBREAPER:
        user.put(u32, UserAddr(argument), 1 if settings.reaps_orphans else 0)
        return 0
    if option == PR_GET_TID_ADDRESS:
        user.put(u64, UserAddr(argument), u64(task.clear_child_tid))
        return 0
    if option == PR_SET_THP_DISABLE and nothing_more:
        settings.without_huge_pages = argument != 0
        return 0
    if option == PR_GET_THP_DISABLE and nothing_more and argument == 0:
        return 1 if settings.without_huge_pages else 0
    if option == PR_SET_NO_NEW_PRIVS and nothing_more and argument == 1:
        settings.no_new_privileges = True
        return 0
    if option == PR_GET_NO_NEW_PRIVS and nothing_more and argument == 0:
        return 1 if settings.no_new_privileges else 0
    if option == PR_CAP_AMBIENT:
        return change_ambient(task.process.credentials.capabilities, argument, third, fourth, fifth)
    for known in OF_CAPABILITIES:
        if option == known:
            return set_or_tell_capabilities(task.process.credentials.capabilities, option, argument)
    return set_or_tell(task, settings, option, argument)


def set_or_tell_capabilities(own: Capabilities, option: u32, argument: u64) -> Fallible[u64]:
    """The options that change how user ids and execve(2) change capabilities. EINVAL, EPERM."""
    if option == PR_GET_KEEPCAPS:
        return 1 if own.secure.keeps else 0
    if option == PR_SET_KEEPCAPS and argument <= 1:
        own.set_keeps(argument == 1)
        return 0
    if option == PR_CAPBSET_READ and argument < CAPABILITIES:
        return own.bounding >> argument & 1
    if option == PR_CAPBSET_DROP:
        own.drop_from_bounding(argument)
        return 0
    if option == PR_GET_SECUREBITS:
        return u64(to_raw(own.secure))
    if option == PR_SET_SECUREBITS:
        own.set_secure(u32(min(argument, 0xFFFF_FFFF)))
        return 0
    raise EINVAL


def set_or_tell(task: Thread, settings: Settings, option: u32, argument: u64) -> Fallible[u64]:
    """The options of prctl(2) that look at no more than one argument. EINVAL for those that there are not."""
    if option == PR_GET_DUMPABLE:
        return 1 if settings.is_dumpable else 0
    if option == PR_SET_DUMPABLE and argument < 2:
        settings.is_dumpable = argument == 1
        return 0
    if option == PR_GET_TIMING or (option == PR_SET_TIMING and argument == 0):
        return 0
    if option == PR_GET_SECCOMP:
        return 0
    if option == PR_GET_TSC:
        user.put(u32, UserAddr(argument), TSC_ENABLED)
        return 0
    if option == PR_SET_TSC and argument == TSC_ENABLED:
        return 0
    if option == PR_SET_TIMERSLACK:
        task.policy.timer_slack = task.policy.default_slack if argument == 0 else argument
        return 0
    if option == PR_GET_TIMERSLACK:
        return task.policy.timer_slack
    raise EINVAL


def set_name(task: Thread, name: UserAddr) -> Fallible[None]:
    """PR_SET_NAME: at most 15 bytes count."""
    buffer = local_array(u8, NAME_LENGTH)
    length: u64 = 0
    while length < NAME_LENGTH - 1:
        character = user.get(u8, UserAddr(name + length))
        if character == 0:
            break
        buffer[length] = character
        length += 1
    task.process.name_thread(task, buffer[0:length])


@syscall(135, missing="the value is kept, inherited and told, and changes nothing: addresses are not random")
def personality(task: Thread, value: u32) -> u64:
    """personality(2)."""
    settings = task.process.settings
    before = settings.personality
    if value != KEEP_PERSONALITY:
        settings.personality = value
    return before
