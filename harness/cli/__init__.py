"""The `pithos` command: light, so that it can see to ctrl-C before all else is imported.

| file | holds |
| --- | --- |
| `group` | the command with its verbs |
| `run` `console` `build` `compile` | a verb each |
| `options` | what the values of options look like |
| `unavailable` | docker's verbs and options that there are not, and what to do instead |
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def end_quietly(number: int, frame: FrameType | None) -> None:
    """End by the signal itself, without a traceback: nothing has begun that would have to be undone."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def open_standard_files() -> None:
    """Let descriptors 0, 1 and 2 be /dev/null where they are closed: the next files would get their numbers."""
    while True:
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor > 2:
            os.close(descriptor)
            break
        os.set_inheritable(descriptor, True)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:  # Python found it closed when it began
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def main() -> None:
    """Entry of the `pithos` command: failures of our own are one line, and status 125."""
    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else our parent has it ignored
    if is_ours:
        signal.signal(signal.SIGINT, end_quietly)
    open_standard_files()
    import click

    from harness.cli.group import cli
    from harness.errors import GuestPanic, HarnessError
    from harness.messages import OWN_FAILURE, PANICKED, say

    if is_ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status = cli.main(standalone_mode=False, prog_name="pithos")
        sys.exit(status if isinstance(status, int) else 0)
    except GuestPanic as error:
        say(str(error))
        sys.exit(PANICKED)
    except HarnessError as error:
        say(str(error))
        sys.exit(OWN_FAILURE)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.UsageError as error:
        command = "pithos" if error.ctx is None else error.ctx.command_path
        say(f"{one_line(error.format_message())} See {command} --help")
        sys.exit(OWN_FAILURE)
    except click.ClickException as error:
        say(one_line(error.format_message()))
        sys.exit(OWN_FAILURE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is buffered for it is lost anyway
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:
        say(": ".join(str(part) for part in (error.filename, error.strerror or error) if part))
        sys.exit(OWN_FAILURE)
    except MemoryError:
        say("this machine has no memory left: end other programs, or give less by --ram")
        sys.exit(OWN_FAILURE)


def one_line(message: str) -> str:
    """A message of the option parser in one line, with a full stop."""
    line = " ".join(message.split())
    return line if line.endswith((".", "?")) else f"{line}."
