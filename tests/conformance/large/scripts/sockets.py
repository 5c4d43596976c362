"""Sockets within one machine, as Python uses them: asyncio, socketserver, multiprocessing, descriptors as messages."""

import array
import asyncio
import concurrent.futures
import errno
import multiprocessing
import multiprocessing.connection
import os
import select
import selectors
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import tempfile
import threading

WORDS = ("a", "bc" * 50, "d" * 70_000)


async def children() -> None:
    """Children of asyncio: their pipes, their ends, many at once."""
    child = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    output, _ = await child.communicate(b"x" * 300_000)
    print(len(output), child.returncode)

    async def one(number: int) -> str:
        command = f"sleep 0.0{number % 7}; echo {number}; exit {number % 3}"
        child = await asyncio.create_subprocess_shell(command, stdout=asyncio.subprocess.PIPE)
        output, _ = await child.communicate()
        return f"{output.decode().strip()}:{child.returncode}"

    print(" ".join(await asyncio.gather(*(one(number) for number in range(20)))))
    child = await asyncio.create_subprocess_exec("sleep", "100")
    child.terminate()
    print(await child.wait())


async def streams() -> None:
    """A server and clients of asyncio on a path."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line.upper())
            await writer.drain()
        writer.close()

    async def ask(number: int) -> int:
        reader, writer = await asyncio.open_unix_connection("served", limit=1 << 20)
        total = 0
        for word in WORDS:
            writer.write(f"{word}{number}\n".encode())
            await writer.drain()
            total += len(await reader.readline())
        writer.write_eof()
        total += len(await reader.read())
        writer.close()
        await writer.wait_closed()
        return total

    server = await asyncio.start_unix_server(answer, "served", limit=1 << 20)
    async with server:
        print(await asyncio.gather(*(ask(number) for number in range(10))))
    os.unlink("served")


async def signals() -> None:
    """What wakes the loop from a handler is a socket pair."""
    seen: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, seen.put_nowait, "usr1")
    os.kill(os.getpid(), signal.SIGUSR1)
    print(await seen.get())
    loop.remove_signal_handler(signal.SIGUSR1)
    print(await loop.run_in_executor(None, sum, range(1000)))


async def datagrams() -> None:
    """Datagrams of asyncio, there and back."""

    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, address: str) -> None:
            self.transport.sendto(data[::-1], address)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Echo, local_addr="echo", family=socket.AF_UNIX)
    client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    client.bind("client")
    client.setblocking(False)
    for word in (b"first", b"second", b"3" * 1000):
        await loop.sock_sendto(client, word, "echo")
        print(await loop.sock_recvfrom(client, 100))
    client.close()
    transport.close()
    os.unlink("echo")
    os.unlink("client")


def served() -> None:
    """A server with a thread for each connection."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                self.wfile.write(line[::-1])

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    def ask(number: int) -> bytes:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect("threads")
            client.sendall(f"question {number}\n".encode() * 100)
            client.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: client.recv(1000), b""))

    with Server("threads", Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            print(sum(len(answer) for answer in pool.map(ask, range(40))))
        server.shutdown()
    os.unlink("threads")


def passed() -> None:
    """Descriptors and credentials as messages."""
    one, other = socket.socketpair()
    with tempfile.TemporaryFile() as file:
        file.write(b"from a file")
        file.flush()
        socket.send_fds(one, [b"take"], [file.fileno(), 1])
    message, descriptors, flags, _ = socket.recv_fds(other, 100, 5)
    print(message, len(descriptors), flags, os.pread(descriptors[0], 20, 0))
    for descriptor in descriptors:
        os.close(descriptor)
    other.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    one.send(b"who")
    message, control, _, _ = other.recvmsg(100, socket.CMSG_SPACE(12))
    (level, kind, data), *rest = control
    print(message, level, kind, struct.unpack("3i", data) == (os.getpid(), os.getuid(), os.getgid()), rest)
    print(struct.unpack("3i", one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1:])
    one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * 200))])
    print(other.recvmsg(10, socket.CMSG_SPACE(8))[2] == socket.MSG_CTRUNC)
    child = os.fork()
    if child == 0:
        one.close()
        receiver, sender = os.pipe()
        socket.send_fds(other, [b"pipe"], [sender])
        os.close(sender)
        other.send(os.read(receiver, 10))
        os._exit(0)
    os.close(other.detach())
    _, (descriptor,), _, _ = socket.recv_fds(one, 4, 1)
    os.write(descriptor, b"by a pipe")
    print(one.recv(100), os.waitpid(child, 0)[1], one.recv(1))


def processes() -> None:
    """multiprocessing with listeners, and connections that travel."""
    with multiprocessing.connection.Listener("listener", family="AF_UNIX", authkey=b"key") as listener:
        child = os.fork()
        if child == 0:
            with multiprocessing.connection.Client("listener", authkey=b"key") as client:
                client.send({"numbers": list(range(1000)), "text": "t" * 100_000})
                print(client.recv(), flush=True)
            os._exit(0)
        with listener.accept() as connection:
            thing = connection.recv()
            connection.send((len(thing["numbers"]), len(thing["text"])))
        os.waitpid(child, 0)
    one, other = multiprocessing.Pipe()
    worker = multiprocessing.Process(target=lambda: (other.send(os.getppid() > 0), other.recv(), other.close()))
    worker.start()
    print(one.recv())
    one.send("end")
    worker.join()
    print(worker.exitcode)


def errors() -> None:
    """What goes wrong, by name."""

    def name(call, *arguments) -> str:
        try:
            return str(call(*arguments))
        except OSError as error:
            return errno.errorcode[error.errno]

    stream = socket.socket(socket.AF_UNIX)
    print(name(stream.connect, "nothing"), name(stream.connect, "\0nothing"))
    print(name(stream.send, b""), name(stream.recv, 1))
    print(name(stream.getpeername), name(stream.accept), name(stream.bind, "x" * 100))
    one, other = socket.socketpair()
    one.setblocking(False)
    print(name(one.recv, 1), name(one.connect, "nothing"))
    total = 0
    try:
        while True:
            total += one.send(b"x" * 1000)
    except BlockingIOError:
        print(50_000 < total < 400_000, select.select([other], [one], [], 0)[1])
    other.close()
    print(name(one.send, b"x"), name(one.recv, 1), one.recv(1))
    with selectors.DefaultSelector() as selector:
        one, other = socket.socketpair()
        selector.register(one, selectors.EVENT_READ | selectors.EVENT_WRITE)
        print([events for _, events in selector.select(0)])
        other.send(b"x")
        print([events for _, events in selector.select(0)])


if __name__ == "__main__":
    os.chdir(tempfile.mkdtemp())
    multiprocessing.set_start_method("fork")
    for part in (children, streams, signals, datagrams):
        print("--", part.__name__)
        asyncio.run(part())
    for part in (served, passed, processes, errors):
        print("--", part.__name__, flush=True)
        part()
    one, other = socket.socketpair()
    other.close()
    child = "import socket; print(socket.socket(fileno=0).recv(9))"
    print(subprocess.run([sys.executable, "-c", child], check=True, stdin=one, capture_output=True, text=True).stdout)
