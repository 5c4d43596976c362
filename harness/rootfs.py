"""A root file system from the machine's own static busybox: what `make run` and the tests use.

`python -m harness.rootfs DIRECTORY` makes it, unless it is there and up to date.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/hostname": "pithos\n",
}
DIRECTORIES = ("bin", "dev", "etc", "proc", "root", "sys", "tmp", "usr")


class NoBusybox(Exception):
    """There is no static busybox on this machine."""


def find_busybox() -> Path:
    """The machine's busybox, which must be static. Raises NoBusybox."""
    found = shutil.which("busybox")
    if found is None:
        raise NoBusybox("no busybox here: install with: sudo apt-get install busybox-static")
    content = Path(found).read_bytes()
    if content[:4] != b"\x7fELF" or b"/lib64/ld-linux" in content[:4096]:
        raise NoBusybox(f"{found} is not a static ELF: install with: sudo apt-get install busybox-static")
    return Path(found)


def make_rootfs(directory: Path) -> None:
    """Lay busybox, a link for each of its applets, and a minimal /etc into `directory`."""
    busybox = find_busybox()
    target = directory / "bin" / "busybox"
    if target.exists() and target.read_bytes() == busybox.read_bytes():
        return
    for name in DIRECTORIES:
        (directory / name).mkdir(parents=True, exist_ok=True)
    (directory / "tmp").chmod(0o1777)
    for name, text in FILES.items():
        (directory / name).write_text(text)
    applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for applet in applets:
        link = directory / "bin" / applet
        if applet != "busybox" and not link.is_symlink():
            link.symlink_to("busybox")
    shutil.copyfile(busybox, target)
    target.chmod(0o755)


def main() -> int:
    """The command line of this module."""
    if len(sys.argv) != 2:
        print("usage: python -m harness.rootfs DIRECTORY", file=sys.stderr)
        return 2
    try:
        make_rootfs(Path(sys.argv[1]))
    except (NoBusybox, OSError) as error:
        print(f"pithos: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
