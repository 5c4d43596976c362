"""What Python's library does with an operating system: files, processes, threads, signals, pipes, time, memory."""

import concurrent.futures
import contextlib
import errno
import fcntl
import glob
import io
import itertools
import json
import mmap
import os
import queue
import random
import re
import select
import selectors
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib


def show(name, value):
    print(f"{name}: {value}")


def files():
    with tempfile.TemporaryDirectory() as folder:
        for number in range(30):
            path = os.path.join(folder, f"{number % 5}", f"file{number}")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write("line\n" * number)
        found = [(os.path.relpath(top, folder), sorted(names)) for top, _, names in sorted(os.walk(folder))]
        show("walk", found)
        show("sizes", sorted(os.path.getsize(name) for name in glob.glob(f"{folder}/*/*")))
        with open(f"{folder}/data", "wb+") as file:
            file.truncate(100_000)
            file.seek(50_000)
            file.write(b"middle")
            file.flush()
            with mmap.mmap(file.fileno(), 0) as memory:
                show("found", memory.find(b"middle"))
                memory[0:5] = b"start"
                memory.flush()
            file.seek(0)
            show("start", file.read(8))
            show("ends", os.lseek(file.fileno(), 0, os.SEEK_END))
        shutil.copytree(f"{folder}/1", f"{folder}/copy")
        shutil.move(f"{folder}/copy", f"{folder}/moved")
        show("moved", sorted(os.listdir(f"{folder}/moved")))
        os.symlink("moved", f"{folder}/link")
        show("link", (os.readlink(f"{folder}/link"), os.path.islink(f"{folder}/link")))
        show("behind", sorted(os.listdir(f"{folder}/link")))
        os.chmod(f"{folder}/data", 0o640)
        state = os.stat(f"{folder}/data")
        show("mode", (oct(state.st_mode), state.st_nlink, state.st_size))
        os.link(f"{folder}/data", f"{folder}/data2")
        show("links", os.stat(f"{folder}/data").st_nlink)
        os.utime(f"{folder}/data", ns=(1_500_000_000_123_456_789, 1_600_000_000_987_654_321))
        state = os.stat(f"{folder}/data2")
        show("times", (state.st_atime_ns, state.st_mtime_ns))
        with os.scandir(folder) as entries:
            show("entries", sorted((entry.name, entry.is_dir(), entry.is_symlink()) for entry in entries))
        for path in (f"{folder}/none", f"{folder}/data/x", "/" + "n" * 300):
            try:
                os.stat(path)
            except OSError as error:
                show("error", error.strerror)
        with open(f"{folder}/data") as file, open(f"{folder}/data2", "r+") as other:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError as error:
                show("locked", error.strerror)


def run(*command, **options):
    return subprocess.run(command, check=False, **options)


def processes():
    show("run", run("/bin/busybox", "echo", "hello", capture_output=True))
    show("status", run("/bin/sh", "-c", "exit 3").returncode)
    show("killed", run("/bin/sh", "-c", "kill -9 $$").returncode)
    show("input", run("/bin/busybox", "tr", "a-z", "A-Z", input=b"shout" * 10_000, capture_output=True).stdout[-10:])
    with subprocess.Popen(["/bin/busybox", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        show("talk", child.communicate(b"x" * 300_000)[0].count(b"x"))
    try:
        run("/bin/busybox", "sleep", "10", timeout=0.2)
    except subprocess.TimeoutExpired as error:
        show("timeout", round(error.timeout, 1))
    try:
        run("/nowhere")
    except OSError as error:
        show("nowhere", error.strerror)
    pipes = [subprocess.Popen(["/bin/busybox", "sh", "-c", f"exit {number}"]) for number in range(8)]
    show("statuses", [child.wait() for child in pipes])
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(reader)
        os.write(writer, json.dumps({"pid": os.getpid() > 1, "ppid": os.getppid()}).encode())
        os._exit(9)
    os.close(writer)
    show("child", json.loads(os.read(reader, 1000)))
    show("wait", os.waitstatus_to_exitcode(os.wait()[1]))
    show("spawn", os.waitstatus_to_exitcode(os.waitpid(os.posix_spawn("/bin/busybox", ["false"], {}), 0)[1]))


def threads():
    total = 0
    lock = threading.Lock()

    def count():
        nonlocal total
        for _ in range(1000):
            with lock:
                total += 1

    workers = [threading.Thread(target=count) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    show("total", total)
    channel = queue.Queue(3)
    producer = threading.Thread(target=lambda: [channel.put(number) for number in range(100)])
    producer.start()
    show("sum", sum(channel.get() for _ in range(100)))
    producer.join()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        show("map", sum(pool.map(lambda number: number * number, range(200))))
    event = threading.Event()
    timer = threading.Timer(0.02, event.set)
    timer.start()
    show("event", event.wait(5))
    show("not", event.is_set() and not threading.Event().wait(0.01))
    barrier = threading.Barrier(4)
    order = []
    group = [threading.Thread(target=lambda: order.append(barrier.wait())) for _ in range(4)]
    for member in group:
        member.start()
    for member in group:
        member.join()
    show("barrier", sorted(order))


def signals():
    seen = []
    signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    os.kill(os.getpid(), signal.SIGUSR1)
    signal.signal(signal.SIGALRM, lambda number, frame: seen.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    signal.pause()
    show("seen", seen)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    os.kill(os.getpid(), signal.SIGUSR2)
    show("pending", signal.sigpending())
    show("waited", signal.sigwait({signal.SIGUSR2}))
    show("timed", signal.sigtimedwait({signal.SIGUSR2}, 0.01))
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    child.terminate()
    show("terminated", child.wait())


def streams():
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    try:
        os.read(reader, 1)
    except BlockingIOError as error:
        show("empty", errno.errorcode[error.errno])
    show("select", select.select([reader], [writer], [], 0)[1] == [writer])
    with selectors.DefaultSelector() as selector:
        selector.register(reader, selectors.EVENT_READ, "pipe")
        show("nothing", selector.select(0.01))
        os.write(writer, b"data")
        show("something", [key.data for key, _ in selector.select(1)])
    show("read", os.read(reader, 100))
    os.close(writer)
    show("end", os.read(reader, 100))
    poll = select.poll()
    poll.register(reader)
    show("poll", [flags for _, flags in poll.poll(0)])
    with open("/dev/null", "wb") as file, open("/dev/zero", "rb") as zero:
        show("null", file.write(zero.read(1000)))
    show("terminal", [os.isatty(number) for number in range(3)])
    counter = os.eventfd(3)
    show("eventfd", os.eventfd_read(counter))
    show("vectors", os.readv(os.open("/dev/zero", os.O_RDONLY), [bytearray(3), bytearray(5)]))


def memory():
    shared = mmap.mmap(-1, 8192)
    if os.fork() == 0:
        shared[0:4] = struct.pack("<I", 4711)
        os._exit(0)
    os.wait()
    show("shared", struct.unpack("<I", shared[0:4]))
    show("compressed", len(zlib.compress(bytes(1_000_000))))
    words = {f"key{number}": [number] * 3 for number in range(50_000)}
    show("words", len(json.dumps(words)))
    show("random", random.Random(7).random())
    show("urandom", len(os.urandom(100_000)))
    show("recursion", sum(1 for _ in itertools.islice(itertools.permutations(range(9)), 50_000)))
    show("regular", len(re.findall(r"(\w+)@(\w+)\.com", "a@b.com " * 5000)))


def system():
    show("uname", os.uname().sysname)
    show("ids", (os.getuid(), os.geteuid(), os.getgid(), os.getpid()))
    show("cwd", os.getcwd())
    show("umask", os.umask(0o77))
    show("page", os.sysconf("SC_PAGE_SIZE"))
    before = time.monotonic()
    time.sleep(0.02)
    show("slept", 0.02 <= time.monotonic() - before < 5)
    show("clock", time.time() > 1_700_000_000 and time.process_time() >= 0)
    show("expanded", os.path.expanduser("~"))
    show("environ", os.environ.get("PATH"))
    with contextlib.redirect_stdout(io.StringIO()) as text:
        print("inside")
    show("text", text.getvalue())
    show("priority", os.getpriority(os.PRIO_PROCESS, 0))
    show("affinity", len(os.sched_getaffinity(0)) >= 1)
    show("times", os.times().user >= 0)
    show("load", os.cpu_count() >= 1)


for part in (files, processes, threads, signals, streams, memory, system):
    print(f"-- {part.__name__}", flush=True)
    part()
