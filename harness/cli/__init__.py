"""The `pithos` command: light, so that it can see to ctrl-C before all else is imported."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def end_quietly(number: int, frame: FrameType | None) -> None:
    """End by the signal itself, without a traceback: nothing has begun that would have to be undone."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def main() -> None:
    """Entry of the `pithos` command: failures of our own are one line, and status 125."""
    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else our parent has it ignored
    if is_ours:
        signal.signal(signal.SIGINT, end_quietly)
    import click

    from harness.commands import cli
    from harness.errors import HarnessError
    from harness.messages import OWN_FAILURE, say

    if is_ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status = cli.main(standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except HarnessError as error:
        say(str(error))
        sys.exit(OWN_FAILURE)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(OWN_FAILURE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is buffered for it is lost anyway
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:
        say(": ".join(str(part) for part in (error.filename, error.strerror or error) if part))
        sys.exit(OWN_FAILURE)


if __name__ == "__main__":
    main()
