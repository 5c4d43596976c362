"""gdb on a machine (`make debug`): Python source, variables, and calls through system calls and traps."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from boot.build import write_kernel
from codegen.root import ROOT
from kernel.sched import wait
from tests.needs import needs

pytestmark = [
    pytest.mark.qemu,
    needs("gdb"),
    needs("qemu-system-x86_64"),
]

SLEEP_SOURCE, SLEEP_LINE = inspect.getsourcelines(wait.WaitQueue.sleep)
WAIT_CALL = next(number for number, line in enumerate(SLEEP_SOURCE, SLEEP_LINE) if "self.wait(" in line)

COMMANDS = (
    f"break kernel/sched/wait.py:{WAIT_CALL}",
    "break handle_trap",
    "continue",
    "echo [trap]\\n",
    "backtrace",
    "print frame.cs",
    "delete 2",
    "continue",
    "echo [sleep]\\n",
    "backtrace",
    "info args",
    "print self.wakes",
    "ptype self",
    "echo [step]\\n",
    "step",
    "step",
    "echo [caller]\\n",
    "up",
    "info args",
    "echo [state]\\n",
    "ptype struct Thread",
    "print (enum ThreadState) 0",
    "print 'kernel.machine.cpuid.FEATURES'",
)


@pytest.fixture(scope="module")
def said(rootfs: Path) -> dict[str, str]:
    """What gdb printed, by the mark before it."""
    words = [word for command in COMMANDS for word in ("-ex", command)]
    program = [str(rootfs), "--", "/bin/busybox", "true"]
    command = [sys.executable, "-m", "harness.debug", *words, *program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    parts = re.split(r"^\[(\w+)\]\n", done.stdout, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def calls(text: str) -> list[str]:
    """The functions of a backtrace, innermost first."""
    return re.findall(r"^#\d+ +(?:0x\w+ in )?(\S+|<signal handler called>)(?: \(|$)", text, re.MULTILINE)


def test_a_breakpoint_stops_at_its_line_of_python(said: dict[str, str]) -> None:
    before = said["trap"].split("Breakpoint 1, ")[1]
    assert f"at kernel/sched/wait.py:{WAIT_CALL}\n{WAIT_CALL}\t" in before
    assert SLEEP_SOURCE[WAIT_CALL - SLEEP_LINE].strip() in before


def test_a_backtrace_crosses_the_system_call_into_the_program(said: dict[str, str]) -> None:
    found = calls(said["sleep"])
    assert found[0] == "kernel.sched.wait.WaitQueue.sleep"
    entry = found.index("syscall_entry")
    assert found[entry - 1] == "handle_syscall"
    assert any(name.startswith("user.agent.") or name == "user_main" for name in found[entry + 1 :])
    assert found[-1] == "_start"


def test_a_backtrace_crosses_a_fault_in_the_kernel(said: dict[str, str]) -> None:
    """The first trap is the fault of copying the agent's arguments to its new stack."""
    found = calls(said["trap"])
    assert found[:2] == ["handle_trap", "<signal handler called>"]
    assert "kernel.memory.user.copy_out" in found
    assert found[-2:] == ["kernel_main", "boot_long_mode"]
    assert "= 8\n" in said["trap"]


def test_parameters_have_values_and_types(said: dict[str, str]) -> None:
    assert re.search(r"^self = 0x[0-9a-f]+", said["sleep"], re.MULTILINE)
    assert re.search(r"^seen = \d+$", said["sleep"], re.MULTILINE)
    assert re.search(r"^\$\d+ = \d+$", said["sleep"], re.MULTILINE)
    assert "type = struct WaitQueue {\n    u64 wakes;\n    struct List[Thread] waiters;\n} *" in said["sleep"]


def test_stepping_goes_from_line_to_line_of_python(said: dict[str, str]) -> None:
    lines = [line for line in said["step"].splitlines() if re.match(r"\d+\t", line)]
    assert len(lines) == 2
    assert all(any(line.split("\t", 1)[1] in text for text in sources()) for line in lines)


def sources() -> list[str]:
    return [path.read_text() for path in (ROOT / "kernel").rglob("*.py")]


def test_a_caller_keeps_its_parameters(said: dict[str, str]) -> None:
    assert re.search(r"^self = 0x[0-9a-f]+ <kernel", said["caller"], re.MULTILINE)


def test_structs_enums_and_statics_are_described(said: dict[str, str]) -> None:
    state = said["state"]
    assert "enum ThreadState state;" in state
    assert "struct Thread *" in state or "struct Process *process;" in state
    assert re.search(r"= NEW\n", state)
    assert "smap = true" in state


def test_every_struct_that_a_module_names_is_described_by_another() -> None:
    named: set[str] = set()
    described: set[str] = set()
    with write_kernel().open("rb") as file:
        for unit in ELFFile(file).get_dwarf_info().iter_CUs():
            for die in unit.get_top_DIE().iter_children():
                if die.tag == "DW_TAG_structure_type":
                    found = named if "DW_AT_declaration" in die.attributes else described
                    found.add(die.attributes["DW_AT_name"].value.decode())
    assert {"Thread", "Container"} <= described
    assert named <= described
