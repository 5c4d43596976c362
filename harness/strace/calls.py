"""What the arguments of each system call are: a word each, in the order of the manual.

| word | meaning |
| --- | --- |
| `fd` `dirfd` `int` `uint` `hex` `ptr` `mode` `size` `off` | a number, and how it is written |
| `path` `str` | a string, whole or up to 32 bytes |
| `strs` | an array of strings |
| `in2` | bytes that the call reads, as many as argument 2 (from 0) says |
| `out` | bytes that the call writes, as many as its result says |
| `<stat` `>stat` | a structure that the call reads or writes |
| `|open` | flags, by a table of flags.py |
| `=whence` | one of several numbers, by a table |

A call that is not here is shown by the types of its declaration.
"""

from __future__ import annotations

TABLE = """
read fd out size
write fd in2 size
open path |open mode
close fd
stat path >stat
fstat fd >stat
lstat path >stat
newfstatat dirfd path >stat |at
lseek fd off =whence
mmap ptr size |prot |map fd off
mprotect ptr size |prot
munmap ptr size
brk ptr
rt_sigaction =signal <sigaction >sigaction size
rt_sigprocmask =sigmask <sigset >sigset size
rt_sigreturn
ioctl fd =ioctl hex
pread64 fd out size off
pwrite64 fd in2 size off
readv fd ptr int
writev fd ptr int
access path |access
faccessat dirfd path |access
faccessat2 dirfd path |access |at
pipe >fds
pipe2 >fds |pipe
select int ptr ptr ptr <timeval
sched_yield
mremap ptr size size |mremap ptr
msync ptr size hex
madvise ptr size =advice
dup fd
dup2 fd fd
dup3 fd fd |pipe
pause
nanosleep <timespec >timespec
clock_nanosleep =clock int <timespec >timespec
clock_gettime =clock >timespec
clock_getres =clock >timespec
getpid
gettid
getppid
getuid
geteuid
getgid
getegid
getpgrp
setsid
setpgid int int
getpgid int
getsid int
setuid int
setgid int
sendfile fd fd ptr size
socket =family |socket int
connect fd ptr int
accept fd ptr ptr
accept4 fd ptr ptr |socket
bind fd ptr int
listen fd int
sendto fd in2 size |msg ptr int
recvfrom fd out size |msg ptr ptr
sendmsg fd ptr |msg
recvmsg fd ptr |msg
shutdown fd int
socketpair =family |socket int >fds
setsockopt fd int int ptr int
getsockopt fd int int ptr ptr
clone |clone ptr ptr ptr ptr
clone3 ptr size
fork
vfork
execve path strs ptr
execveat dirfd path strs ptr |at
exit int
exit_group int
wait4 int >status |wait ptr
waitid int int ptr |wait ptr
kill int =signal
tkill int =signal
tgkill int int =signal
uname ptr
fcntl fd =fcntl hex
flock fd int
fsync fd
fdatasync fd
truncate path off
ftruncate fd off
getdents64 fd ptr size
getcwd out size
chdir path
fchdir fd
rename path path
renameat dirfd path dirfd path
renameat2 dirfd path dirfd path hex
mkdir path mode
mkdirat dirfd path mode
rmdir path
creat path mode
link path path
linkat dirfd path dirfd path |at
unlink path
unlinkat dirfd path |at
symlink path path
symlinkat path dirfd path
readlink path out size
readlinkat dirfd path out size
chmod path mode
fchmod fd mode
fchmodat dirfd path mode
chown path int int
lchown path int int
fchown fd int int
fchownat dirfd path int int |at
mknod path mode hex
mknodat dirfd path mode hex
umask mode
gettimeofday >timeval ptr
getrlimit =rlimit >rlimit
setrlimit =rlimit <rlimit
prlimit64 int =rlimit <rlimit >rlimit
getrusage int ptr
sysinfo ptr
times ptr
statfs path ptr
fstatfs fd ptr
prctl =prctl hex hex hex hex
arch_prctl =arch hex
sethostname in1 size
futex ptr =futex uint ptr ptr uint
sched_getaffinity int size ptr
sched_setaffinity int size ptr
set_tid_address ptr
set_robust_list ptr size
epoll_create int
epoll_create1 |epoll
epoll_ctl fd =epoll fd ptr
epoll_wait fd ptr int int
epoll_pwait fd ptr int int <sigset size
openat dirfd path |open mode
openat2 dirfd path ptr size
eventfd int
eventfd2 int |efd
timerfd_create =clock |tfd
inotify_init
inotify_init1 |inotify
inotify_add_watch fd path hex
inotify_rm_watch fd int
utimensat dirfd path ptr |at
poll ptr uint int
ppoll ptr uint <timespec ptr size
getrandom out size |random
memfd_create path hex
statx dirfd path |at hex ptr
copy_file_range fd ptr fd ptr size hex
rseq ptr hex hex hex
sigaltstack ptr ptr
alarm uint
setitimer int ptr ptr
getitimer int ptr
setxattr path str in3 size int
getxattr path str out size
fadvise64 fd off size int
fallocate fd int off size
create_container ptr size
run_in_container fd ptr size
destroy_container fd
control_container fd int hex
"""
SHOWN = 32
"""How many bytes of a buffer are shown, as strace has it."""
PATH_SHOWN = 512
STRUCTS = {
    "sigaction": 32,
    "stat": 144,
    "timespec": 16,
    "timeval": 16,
    "sigset": 8,
    "rlimit": 16,
    "fds": 8,
    "status": 4,
}
"""How many bytes there are of each structure."""
POINTERS = frozenset({"mmap", "mremap", "brk", "shmat"})
"""Calls whose result is an address."""


def parsed(table: str) -> dict[str, list[str]]:
    """The words of each call, by its name."""
    lines = (line.split() for line in table.strip().splitlines())
    return {line[0]: line[1:] for line in lines}


CALLS = parsed(TABLE)


def copied(name: str, word: str) -> tuple[str, int, int]:
    """The kind of piece (PieceKind) that is wanted of an argument, which argument has its length, and how much."""
    if word == "path":
        return "STRING", 0, PATH_SHOWN
    if word == "str":
        return "STRING", 0, SHOWN
    if word == "strs":
        return "STRINGS", 0, SHOWN * 2
    if word.startswith("in") and word[2:].isdigit():
        return "BYTES_IN", int(word[2:]), SHOWN
    if word == "out":
        return "BYTES_OUT", 0, PATH_SHOWN if name in ("readlink", "readlinkat", "getcwd") else SHOWN
    if word.startswith("<"):
        return "STRUCT_IN", 0, STRUCTS[word[1:]]
    if word.startswith(">"):
        return "STRUCT_OUT", 0, STRUCTS[word[1:]]
    return "NONE", 0, 0


def is_out(word: str) -> bool:
    """Whether an argument is known only when the call has been made."""
    return word == "out" or word.startswith(">")
