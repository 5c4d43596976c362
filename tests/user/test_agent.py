"""The agent is a static Linux program: here it runs on this machine's Linux, which answers for the kernel."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import agent_protocol
from harness.agent_protocol import both, into, out, pointer_array, text
from harness.linux_agent import LinuxAgent
from user.agent import protocol
from user.build import build_agent

GETPID, READ, WRITE, READLINK, WRITEV = 39, 0, 1, 89, 20


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("agent") / "agent"
    path.write_bytes(build_agent())
    path.chmod(0o755)
    return path


@pytest.fixture
def agent(program: Path) -> Iterator[LinuxAgent]:
    agent = LinuxAgent(program)
    yield agent
    agent.end()


def test_hello_gives_the_version(agent: LinuxAgent) -> None:
    assert agent.call(protocol.HELLO) == protocol.VERSION


def test_results_and_errors_come_back(agent: LinuxAgent) -> None:
    assert agent.call(GETPID) == agent.process.pid
    assert agent.call(READ, (1 << 64) - 1, 0, 0) == -9
    assert agent.call(READLINK, text("/nowhere"), out(10), 10) == -2


def test_buffers_go_both_ways(agent: LinuxAgent) -> None:
    target = out(100)
    length = agent.call(READLINK, text("/proc/self/exe"), target, 100)
    assert target.content[:length].decode().endswith("/agent")
    untouched = both(b"abc")
    assert agent.call(READ, 1 << 20, untouched, 3) == -9
    assert untouched.content == b"abc"


def test_structs_may_hold_pointers(agent: LinuxAgent) -> None:
    first, second = into(b"one "), into(b"two")
    vector = pointer_array([first, into(b""), second, into(b"")], terminated=False)
    vector.content = (0).to_bytes(8, "little") + (4).to_bytes(8, "little") + bytes(8) + (3).to_bytes(8, "little")
    vector.pointers = [(0, first), (16, second)]
    assert agent.call(WRITEV, 2, vector, 2) == 7
    assert os.read(agent.errors_read, 100) == b"one two"


def test_an_earlier_request_leaves_nothing(agent: LinuxAgent) -> None:
    assert agent.call(READ, 1 << 20, into(b"secret"), 6) == -9
    fresh = out(6)
    assert agent.call(READ, 1 << 20, fresh, 6) == -9
    assert fresh.content == bytes(6)


@pytest.mark.parametrize(
    "breach",
    [
        b"not a request" * 10,
        agent_protocol.REQUEST_HEADER.pack(protocol.REQUEST_MAGIC, 1, GETPID, 1, *[0] * 6)
        + agent_protocol.BUFFER_HEADER.pack(protocol.TARGET_ARGUMENTS, 6, 2, 0, 8),
        agent_protocol.REQUEST_HEADER.pack(protocol.REQUEST_MAGIC, 1, GETPID, 1, *[0] * 6)
        + agent_protocol.BUFFER_HEADER.pack(0, 0, 2, 0, 8),
        agent_protocol.REQUEST_HEADER.pack(protocol.REQUEST_MAGIC, 1, GETPID, 1, *[0] * 6)
        + agent_protocol.BUFFER_HEADER.pack(protocol.TARGET_ARGUMENTS, 0, 2, 0, 1 << 40),
    ],
    ids=["no magic", "seventh argument", "a buffer in itself", "larger than the arena"],
)
def test_a_broken_request_ends_the_agent(agent: LinuxAgent, breach: bytes) -> None:
    agent.channel.sendall(breach)
    assert agent.status() == 2


def test_the_end_of_the_channel_ends_the_agent(agent: LinuxAgent) -> None:
    agent.channel.shutdown(socket.SHUT_WR)
    assert agent.status() == 0
