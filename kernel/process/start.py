"""Putting programs into processes: the first one of a new process, and another one by execve(2)."""

from __future__ import annotations

from codegen.lang import Fallible, Slice, UserAddr, field_offset, on_error, u8, u32, u64
from kernel.base.errno import EINTR
from kernel.files.execution import Execution
from kernel.memory.space import AddressSpace
from kernel.process import exec, priority_futex, restart, timers
from kernel.process.changes import drop_space
from kernel.process.deliver import has_signal
from kernel.process.process import Process
from kernel.process.program import Program
from kernel.process.signal_queue import QueuedSignal
from kernel.process.signal_table import Signal
from kernel.process.usage import keep_largest
from kernel.sched import switch
from kernel.sched.scheduler import start
from kernel.sched.thread import Thread
from kernel.sched.timer import NEVER
from kernel.sched.wait import kill

SLASH: u8 = 0x2F


def create_user_thread(process: Process) -> Fallible[Thread]:
    """A thread of `process`, not started yet. ENOMEM."""
    container = process.container
    thread = switch.create_thread(container.account, container.group)
    with on_error(switch.free_thread, thread):
        switch.give_fpu(thread)
    thread.process = process
    thread.is_user = True
    thread.space = process.space
    thread.shared_time = process.time
    thread.signal_queue.offset = field_offset(QueuedSignal.node)
    thread.is_traced = container.tracer is not None
    process.threads.push_last(thread)
    thread.killed = process.exiting  # it may have been told to end while its program was loaded
    return thread


def start_program(process: Process, program: Program, path: Slice[u8]) -> Fallible[None]:
    """Load `program` and let `process`, which nobody has seen yet, begin with it."""
    exec.load(program, path)
    space = program.space
    file = program.file
    assert space is not None and file is not None, "load has made them"
    process.space = space
    with on_error(undo_load, space, file):
        thread = create_user_thread(process)
        with on_error(switch.free_thread, thread):
            process.publish(None, None)
    process.executable = file
    process.session.foreground = process.group_id
    process.container.numbers.add_thread(thread, process.pid)
    process.name_thread(thread, base_name(path))
    process.settings.limits.apply_to(space)
    thread.frame.start_user(UserAddr(program.entry), UserAddr(program.stack_pointer))
    switch.prepare_user(thread)
    start(thread)
    if process.settings.limits.has_processor_time:
        process.processor_limit.begin(process)


def undo_load(space: AddressSpace, file: Execution) -> None:
    """Give back what `exec.load` made."""
    drop_space(space)
    file.drop()


def replace_program(thread: Thread, program: Program, path: Slice[u8]) -> Fallible[None]:
    """execve(2): the running `thread`, the last one of its process, goes on with `program`."""
    exec.load(program, path)
    process = thread.process
    file = program.file
    space = program.space
    assert space is not None and file is not None, "load has made them"
    with on_error(undo_load, space, file):
        end_other_threads(thread)
    before = process.space
    priority_futex.leave_locks(thread)
    keep_largest(process)
    process.space = space
    process.settings.limits.apply_to(space)
    switch.enter_space(space)
    process.return_space()
    old_file = process.executable
    process.executable = file
    if old_file is not None:
        old_file.drop()
    process.name_thread(thread, base_name(path))
    process.executed = True
    process.programs += 1
    process.exit_signal = u32(Signal.CHILD)
    process.settings.begin_program()
    process.credentials.begin_program()
    process.signals.reset_for_exec()
    timers.delete_all(process, True)
    process.files.close_for_exec()
    thread.fs_base = 0
    thread.clear_child_tid = UserAddr(0)
    thread.alternate_stack = UserAddr(0)
    thread.alternate_stack_size = 0
    switch.reset_fpu(thread)
    switch.load_fs_base(thread)
    thread.frame.start_user(UserAddr(program.entry), UserAddr(program.stack_pointer))
    restart.forget(thread)
    drop_space(before)


def end_other_threads(task: Thread) -> Fallible[None]:
    """execve(2): the calling thread becomes the only one of its process, with the process's number.

    EINTR when another thread was first, or the process ends: then this one ends on its way back.
    """
    process = task.process
    while process.threads.count > 1:
        if task.killed:
            raise EINTR
        seen = process.thread_ended.observe()
        for thread in process.threads:
            if thread is not task:
                kill(thread)
        task.interrupted = False
        process.thread_ended.wait(seen, NEVER, True)
    task.interrupted = has_signal(task)
    if task.id != process.pid:
        process.return_thread()
        process.container.numbers.remove_thread(task)
        process.container.numbers.add_thread(task, process.pid)


def base_name(path: Slice[u8]) -> Slice[u8]:
    """What stands behind the last slash of `path`."""
    start: u64 = 0
    for index in range(len(path)):
        if path[index] == SLASH:
            start = index + 1
    return path[start : len(path)]
