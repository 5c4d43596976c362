"""Tracer: who is told of the system calls, signals and ends of the threads of a container (kernel/containers/trace.py).

`Thread.is_traced` is all that a system call of any other container looks at.
"""

from __future__ import annotations

from codegen.lang import Interface, hot, i64, noinline, u32, u64
from kernel.process.signal_queue import SignalInfo
from kernel.sched.thread import Thread


class Tracer(Interface):
    """Is told; may let the thread wait until there is room for what it is told."""

    def entered(self, thread: Thread, number: u64) -> None:
        """`thread` begins system call `number`; its frame has the arguments."""
        ...

    def left(self, thread: Thread, number: u64, result: i64) -> None:
        """It has made the call."""
        ...

    def took_signal(self, thread: Thread, info: SignalInfo) -> None:
        """It takes a signal."""
        ...

    def ended(self, thread: Thread, status: u32) -> None:
        """It ends, with the status of its process (wait4(2))."""
        ...

    def end(self) -> None:
        """The container is gone: nothing more will come."""
        ...


def tracer_of(thread: Thread) -> Tracer | None:
    """Who is told of `thread`; None from when nobody wants to know any more."""
    tracer = thread.process.container.tracer
    if tracer is None:
        thread.is_traced = False
    return tracer


@hot
def tell_of_signal(thread: Thread, info: SignalInfo) -> None:
    """`thread` takes a signal."""
    if thread.is_traced:
        tell_tracer_of_signal(thread, info)


@noinline
def tell_tracer_of_signal(thread: Thread, info: SignalInfo) -> None:
    """`tell_of_signal` of a thread that was traced."""
    tracer = tracer_of(thread)
    if tracer is not None:
        tracer.took_signal(thread, info)


@noinline
def tell_of_end(thread: Thread, status: u32) -> None:
    """`thread`, which was traced, ends."""
    tracer = tracer_of(thread)
    if tracer is not None:
        tracer.ended(thread, thread.process.status if thread.process.exiting else status)
