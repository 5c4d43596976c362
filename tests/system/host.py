"""Running a program on the Linux of this machine as the first of a container is: without groups, as nice as usual."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def run_on_host(command: Sequence[str | Path], **settings: Any) -> subprocess.CompletedProcess[bytes]:
    """`subprocess.run` with the output; only root can leave groups, and be less nice than before."""
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    if os.geteuid() == 0:
        settings["extra_groups"] = []
        command = [shutil.which("nice") or "/usr/bin/nice", "-n", str(-niceness), *command]
    return subprocess.run(list(map(str, command)), capture_output=True, check=False, **settings)
