"""The agent as a process of Linux: it is a static Linux program, so the same calls can be made here and there."""

from __future__ import annotations

import os
import socket
import subprocess
from functools import partial
from pathlib import Path

from harness import agent_protocol
from harness.agent_protocol import Buffer
from harness.machine import HARNESS_WORD
from user.agent import protocol

CHANNEL = 3


class LinuxAgent:
    """The agent as a process of this machine."""

    def __init__(self, program: Path, directory: Path | None = None) -> None:
        ours, theirs = socket.socketpair()
        self.channel = ours
        self.channel.settimeout(20)
        self.errors_read, errors_write = os.pipe()
        self.process = subprocess.Popen(
            [program, HARNESS_WORD],
            stderr=errors_write,
            stdin=subprocess.DEVNULL,
            cwd=directory,
            pass_fds=[CHANNEL],
            preexec_fn=partial(os.dup2, theirs.fileno(), CHANNEL),  # noqa: PLW1509  (there are no threads)
        )
        theirs.close()
        os.close(errors_write)
        self.sequence = 0
        greeting = agent_protocol.Request(b"", [])
        ready = agent_protocol.decode(0, greeting, self.receive(greeting.reply_length))
        if ready != protocol.READY:
            raise agent_protocol.ProtocolError(f"the agent began with {ready}")

    def receive(self, length: int) -> bytes:
        """Exactly `length` bytes."""
        content = b""
        while len(content) < length:
            part = self.channel.recv(length - len(content))
            if not part:
                raise EOFError("the agent closed the channel")
            content += part
        return content

    def call(self, number: int, *arguments: int | Buffer) -> int:
        """One system call."""
        self.sequence += 1
        request = agent_protocol.encode(self.sequence, number, arguments)
        self.channel.sendall(request.content)
        return agent_protocol.decode(self.sequence, request, self.receive(request.reply_length))

    def status(self) -> int:
        """How the agent ended."""
        return self.process.wait(20)

    def end(self) -> None:
        """End the agent, however it is."""
        self.channel.close()
        self.process.kill()
        self.process.wait()
        os.close(self.errors_read)
