"""The package as another project has it: a wheel, installed by pip, far away from these sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from harness.plugin import TREE
from tests.needs import needs

pytestmark = [pytest.mark.qemu, needs("qemu-system-x86_64")]
TIMEOUT = 240

SCRIPT = """
import pithos
done = pithos.run_sync(["uname", "-s"], rootfs=ROOTFS, text=True)
print(done.stdout, end="")
"""
TEST = """
import pytest

@pytest.fixture(scope="session")
def pithos_rootfs():
    return ROOTFS

async def test_greeting(pithos_container):
    done = await pithos_container.run(["echo", "hello"], text=True)
    assert done.stdout == "hello\\n"
    assert (await pithos_container.state())["processes_used"] == 0
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel; what it depends on is taken from ours."""
    folder = tmp_path_factory.mktemp("elsewhere")
    sources = folder / "sources"
    shutil.copytree(TREE, sources, ignore=shutil.ignore_patterns("build", "*.egg-info", ".*", "tests"))
    made = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, sources]
    done = subprocess.run(made, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stderr
    venv.create(folder / "venv", symlinks=True)
    packages = next((folder / "venv" / "lib").glob("python*")) / "site-packages"
    (wheel,) = folder.glob("pithos-*.whl")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", packages, wheel]
    subprocess.run(command, check=True, timeout=TIMEOUT)
    ours = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "ours.pth").write_text("\n".join(ours))
    return folder


def run_there(elsewhere: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of that environment, in a folder of its own, with a home of its own."""
    home = elsewhere / "home"
    home.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "XDG"))}
    return subprocess.run(
        [str(elsewhere / "venv" / "bin" / "python"), *arguments],
        cwd=elsewhere,
        env={**kept, "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def test_a_script_of_five_lines(elsewhere: Path, rootfs: Path) -> None:
    (elsewhere / "script.py").write_text(SCRIPT.replace("ROOTFS", repr(str(rootfs))))
    done = run_there(elsewhere, "script.py")
    assert (done.returncode, done.stdout) == (0, "Linux\n"), done.stderr
    where = run_there(elsewhere, "-c", "import harness, pithos; print(harness.__file__); print(pithos.__file__)")
    assert all(line.startswith(str(elsewhere)) for line in where.stdout.splitlines())


def test_a_pytest_of_another_project(elsewhere: Path, rootfs: Path) -> None:
    (elsewhere / "test_it.py").write_text(TEST.replace("ROOTFS", repr(str(rootfs))))
    (elsewhere / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\nasyncio_default_test_loop_scope = session\n")
    done = run_there(elsewhere, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_a_program_of_the_language(elsewhere: Path) -> None:
    (elsewhere / "blink.py").write_text((TREE / "examples" / "blink.py").read_text())
    done = run_there(elsewhere, "-m", "harness.cli", "compile", "blink.py", "--run")
    assert done.returncode == 0, done.stderr
    assert done.stdout
