"""`pithos compile`: a program of the kernel language outside of the tree, for the bare machine.

FILE is imported as Python does it, from the folder of the nearest pyproject.toml, or else its own. The program begins
at what `START = BareMetal("name")` names, or at the exported function `main`.
"""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from boot.layout import EXIT_PORT
from codegen.files import write_whole
from codegen.root import BUILD_FOLDER, ROOT
from harness.described import described
from harness.errors import HarnessError
from harness.qemu_command import PROGRAM

MAIN = "main"
CONSOLE_OF_TERMINAL, CONSOLE = "mon:stdio", "stdio"
"""In a terminal ctrl-A X ends QEMU; piped input goes to the serial port as it is."""
Progress = Callable[[str, int, int], None]


def root_of(file: Path) -> Path:
    """The folder that names of modules begin at."""
    for folder in file.parents:
        if (folder / "pyproject.toml").is_file():
            return folder
    return file.parent


def module_name(file: Path, root: Path) -> str:
    """The name by which `file` is imported. Raises HarnessError for one that cannot be."""
    parts = file.relative_to(root).with_suffix("").parts
    for part in parts:
        if not part.isidentifier():
            raise HarnessError(f"{part!r} cannot be part of the name of a module: letters, digits and _ can")
    top = parts[0]
    if root != ROOT and (top in sys.stdlib_module_names or (ROOT / top / "__init__.py").exists()):
        raise HarnessError(f"{root / top} has the name of a module of Python or Pithos: choose another one")
    return ".".join(parts)


def compile_file(file: Path, progress: Progress | None = None) -> bytes:
    """The ELF file of the program in `file`. Raises HarnessError."""
    if not file.is_file():
        raise HarnessError(f"{file}: there is no such file")
    if file.suffix != ".py":
        raise HarnessError(f"{file}: the name of a module ends in .py")
    path = file.resolve()
    root = root_of(path)
    name = module_name(path, root)
    with told(file, root):
        sys.path.insert(0, str(root))
        module = importlib.import_module(name)
        return _compiled(file, module, progress)


def _compiled(file: Path, module: ModuleType, progress: Progress | None) -> bytes:
    """Compile and link an imported module."""
    from codegen import compile_program
    from codegen.__main__ import exported, link_bare_metal
    from codegen.bare_metal import BareMetal
    from codegen.target import Target

    roots = exported(module)
    start = getattr(module, "START", BareMetal(MAIN))
    names = [root.__name__ for root in roots if isinstance(root, FunctionType)]
    if not isinstance(start, BareMetal) or start.main not in names:
        wanted = start.main if isinstance(start, BareMetal) else MAIN
        raise HarnessError(f"{file} has no function {wanted} marked @export: the program begins there")
    program = compile_program(roots, target=Target.USER, cache=BUILD_FOLDER / "cache", progress=progress)
    return link_bare_metal(program, start).elf


@contextmanager
def told(file: Path, root: Path) -> Iterator[None]:
    """Turn what the compiler refuses, and what goes wrong when the modules are imported, into a HarnessError."""
    from codegen import CompileError, LinkError

    try:
        yield
    except HarnessError:
        raise
    except (CompileError, LinkError) as error:
        raise HarnessError(f"{file} does not compile:\n{error}") from None
    except Exception as error:
        why = described(error, [root]) or f"{type(error).__name__}: {error}"
        raise HarnessError(f"{file} does not compile:\n{why}") from None


def boot_program(kernel: Path) -> int:
    """Boot a program in QEMU, its first serial port on our files; what it wrote to isa-debug-exit, else 0."""
    if shutil.which(PROGRAM) is None:
        raise HarnessError(f"{PROGRAM} is not installed: apt-get install qemu-system-x86")
    console = CONSOLE_OF_TERMINAL if sys.stdin.isatty() else CONSOLE
    command = [PROGRAM, "-display", "none", "-nodefaults", "-no-reboot", "-serial", console, "-kernel", str(kernel)]
    command += ["-device", f"isa-debug-exit,iobase={EXIT_PORT:#x},iosize=4"]
    status: Any = subprocess.run(command, check=False).returncode
    if status < 0:
        return 128 - int(status)
    return int(status) >> 1


def written(path: Path, elf: bytes) -> Path:
    """Write the ELF file. Raises HarnessError."""
    try:
        write_whole(path, elf)
    except OSError as error:
        raise HarnessError(f"{path}: {error.strerror}") from None
    return path
