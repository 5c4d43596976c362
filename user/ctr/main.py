"""ctr: the container calls by docker's words, for a shell within a machine."""

from __future__ import annotations

from codegen.lang import export, u64
from user.ctr import boot, managing, running
from user.ctr.messages import give_up
from user.ctr.relay import write_out
from user.lib.arguments import ARGUMENTS
from user.lib.system import exit_group

COMMANDS = (
    (b"run", running.run),
    (b"exec", running.execute),
    (b"ps", managing.ps),
    (b"ls", managing.ps),
    (b"kill", managing.kill),
    (b"stop", managing.stop),
    (b"pause", managing.pause),
    (b"unpause", managing.unpause),
    (b"wait", managing.wait),
    (b"rm", managing.remove),
    (b"update", managing.update),
    (b"inspect", managing.inspect),
    (b"events", managing.events),
    (b"boot", boot.boot),
)
HELP = b"""usage: ctr COMMAND ...

  run [options] ROOT COMMAND...   a new container whose files begin as the directory ROOT
      -i -t -d --rm --name --hostname -e NAME=VALUE -w DIRECTORY -u UID[:GID]
      -m SIZE --pids-limit N --cpus N --cpu-shares N
  exec [-i -t -d -e -w -u] CONTAINER COMMAND...
  ps [-a]                         containers, also those in which nothing runs
  kill [-s SIGNAL] CONTAINER...   stop, pause, unpause, wait CONTAINER...
  rm [-f] CONTAINER...            give back all that it has
  update [-m --pids-limit --cpus --cpu-shares] CONTAINER...
  inspect CONTAINER...            counts and limits
  events CONTAINER                what happens in it

Without --rm a container stays when its program has ended: exec runs more in it, rm removes it.
"""


@export
def user_main(stack: u64) -> None:
    """Do what the first argument says."""
    ARGUMENTS.begin(stack)
    if ARGUMENTS.count < 2:
        write_out(HELP)
        exit_group(1)
    word = ARGUMENTS.text(1)
    for name, command in COMMANDS:
        if word == name:
            command()
            exit_group(0)
    if word in (b"help", b"-h", b"--help"):
        write_out(HELP)
        exit_group(0)
    give_up(word, b"no such command (ctr help lists them)")
