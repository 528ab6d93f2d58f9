"""The sandbox's init where no C compiler could build init.c; runs by itself and is never imported by the product.

The modes `outer` and `inner` of init.c with the same options and the same report, slower by two starts of Python; read
init.c first, since every rule is explained there. Runs on the standard library alone, under `python3 -I -S`.
"""

import contextlib
import ctypes
import getopt
import os
import resource
import select
import signal
import stat
import struct
import sys
import time
from typing import NoReturn

WORK, SHARED_MEMORY, SCRATCH = "/tmp/job", "/tmp/.shm", "/tmp"
MOST_FILES = 65536
SOCKET_BYTES = 208 * 1024
POLL_S = 0.05
OUTPUT_ABSENT, OUTPUT_FILE, OUTPUT_TAMPERED = range(3)
ENDED_ITSELF, ENDED_WALL, ENDED_MEMORY, ENDED_DISK = range(4)
STATUS = struct.Struct("=iiqqqq")
OUTPUT = struct.Struct("=IIQ")
STAGED = struct.Struct("=IIQ")
PR_SET_DUMPABLE = 4
CLONE_NEWNS, MS_BIND, MS_REC, MS_SLAVE = 0x20000, 4096, 16384, 1 << 19
LIBC = ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> None:
    """End the init unless a call of the C library succeeded."""
    if result != 0:
        sys.exit(f"sandbox init: {what}: {os.strerror(ctypes.get_errno())}")


# ---------------------------------------------------------------- outer


def join_group(procs: str) -> None:
    """Enter a control group."""
    fd = os.open(procs, os.O_WRONLY)
    os.write(fd, b"0")
    os.close(fd)


def bind_input(source: str, mount_point: str) -> None:
    """Show an input that only root can reach at a place that everyone can."""
    checked(LIBC.unshare(CLONE_NEWNS), "unshare")
    checked(LIBC.mount(None, b"/", None, ctypes.c_ulong(MS_REC | MS_SLAVE), None), "mount")
    flags = ctypes.c_ulong(MS_BIND | MS_REC)
    checked(LIBC.mount(source.encode(), mount_point.encode(), None, flags, None), source)


def drop_root(uid: int) -> None:
    """Become an ordinary user for good."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def outer(words: list[str]) -> None:
    """Prepare what needs rights, give them up and become the launcher."""
    options, program = getopt.getopt(words, "g:b:i:u:c:")
    source = ""
    for name, value in options:
        if name == "-g":
            join_group(value)
        elif name == "-b":
            source = value
        elif name == "-i":
            bind_input(source, value)
        elif name == "-u":
            drop_root(int(value))
        elif name == "-c":
            os.sched_setaffinity(0, {int(value)})
    restore_signals()
    os.execve(program[0], program, {})


# ---------------------------------------------------------------- inner


class Plan:
    """The options of one execution."""

    def __init__(self, words: list[str]) -> None:
        """Read the words before and after `--`."""
        given, self.payload = getopt.getopt(words, "f:r:w:t:s:p:a:m:l:d:o:e:")
        self.outputs = [value for name, value in given if name == "-o"]
        self.environment = dict(v.split("=", 1) for n, v in given if n == "-e")
        last = dict(given)
        self.cwd = last.get("-d", ".")
        numbers = {
            name: int(last.get(name, 0))
            for name in ["-f", "-r", "-w", "-t", "-s", "-p", "-a", "-m", "-l"]
        }
        self.files, self.report = numbers["-f"], numbers["-r"]
        self.wall_s, self.cpu_s = numbers["-w"] / 1000, numbers["-t"]
        self.file_bytes, self.output_bytes = numbers["-s"], numbers["-l"]
        self.processes, self.address_bytes = numbers["-p"], numbers["-a"]
        self.memory_bytes = numbers["-m"]


def send(fd: int, data: bytes) -> None:
    """Write all of `data`."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def restore_signals() -> None:
    """Undo what Python does to signals at its start."""
    for each in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(each, signal.SIG_DFL)


def unpack(files: int) -> bool:
    """Return False when the scratch file system cannot hold the staged files."""
    at, size = 0, os.fstat(files).st_size
    while at < size:
        mode, name_length, left = STAGED.unpack(os.pread(files, STAGED.size, at))
        name = os.pread(files, name_length, at + STAGED.size)
        at += STAGED.size + name_length
        try:
            if b"/" in name:
                os.makedirs(name.rpartition(b"/")[0], 0o700, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
            fd = os.open(name, flags, mode)
            while left > 0:
                sent = os.sendfile(fd, files, at, left)
                at, left = at + sent, left - sent
            os.close(fd)
        except OSError:
            return False
    return True


def open_beneath(name: str) -> int:
    """Open `name` below the work directory without following any link."""
    directory = os.open(WORK, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    *parents, last = name.split("/")
    for part, kind in [(p, os.O_DIRECTORY) for p in parents] + [
        (last, os.O_NONBLOCK | os.O_NOCTTY)
    ]:
        try:
            below = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | kind, dir_fd=directory)
        finally:
            os.close(directory)
        directory = below
    return directory


def send_output(plan: Plan, index: int, left: int) -> int:
    """Send one output and return how many bytes of outputs may still follow."""
    state, size, fd = OUTPUT_FILE, 0, -1
    try:
        fd = open_beneath(plan.outputs[index])
        about = os.fstat(fd)
        if stat.S_ISREG(about.st_mode) and about.st_size <= left:
            size = about.st_size
        else:
            state = OUTPUT_TAMPERED
    except FileNotFoundError:
        state = OUTPUT_ABSENT
    except OSError:
        state = OUTPUT_TAMPERED
    send(plan.report, b"O" + OUTPUT.pack(index, state, size))
    rest = size
    while rest > 0:
        block = os.read(fd, min(rest, 65536))
        if not block:
            sys.exit("sandbox init: read output")
        send(plan.report, block)
        rest -= len(block)
    if fd >= 0:
        os.close(fd)
    return left - size


def start_payload(plan: Plan) -> NoReturn:
    """Become the payload; the caller is a fresh child."""
    try:
        limits = [
            (
                resource.RLIMIT_CORE,
                1,
                1,
            ),  # with 0 the kernel would still start a handler on the host
            (resource.RLIMIT_NOFILE, 256, 256),
            (resource.RLIMIT_FSIZE, plan.file_bytes, plan.file_bytes),
            (resource.RLIMIT_CPU, plan.cpu_s, plan.cpu_s + 1),
        ]
        if plan.processes:
            limits.append((resource.RLIMIT_NPROC, plan.processes, plan.processes))
        if plan.address_bytes:
            limits.append((resource.RLIMIT_AS, plan.address_bytes, plan.address_bytes))
        os.chdir(plan.cwd)
        restore_signals()
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.closerange(3, 65536)
        for what, soft, hard in limits:
            resource.setrlimit(what, (soft, hard))
        os.execvpe(plan.payload[0], plan.payload, plan.environment)
    except FileNotFoundError as error:
        os.write(2, f"{error.filename or plan.payload[0]}: {error.strerror}\n".encode())
        os._exit(127)
    except OSError as error:
        os.write(2, f"{plan.payload[0]}: {error.strerror}\n".encode())
        os._exit(126)


def number_in(path: str, label: bytes) -> int:
    """Return the number after `label` in a file of /proc, 0 when there is none."""
    with contextlib.suppress(OSError, ValueError, IndexError), open(path, "rb") as file:
        for line in file:
            if line.startswith(label):
                return int(line[len(label) :].split()[0])
    return 0


def resident_bytes(pid: str) -> int:
    """Return resident memory as any thread of a process shows it: the first one may have ended before the others."""
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError, IndexError):
                with open(f"/proc/{pid}/task/{thread}/statm", "rb") as file:
                    resident = int(file.read().split()[1])
                if resident:
                    return resident * resource.getpagesize()
    return 0


def memory_of(pid: str) -> int:
    """Return a process's share of what it maps in bytes, or all of it when it hides its share."""
    return number_in(f"/proc/{pid}/smaps_rollup", b"Pss:") * 1024 or resident_bytes(pid)


def over_soft_limit(plan: Plan) -> int:
    """Return why the payload is to be ended by what a control group would have counted."""
    if not plan.memory_bytes:
        return ENDED_ITSELF
    scratch = os.statvfs(SCRATCH)
    if scratch.f_files - scratch.f_ffree > MOST_FILES:
        return ENDED_DISK
    used = number_in("/proc/self/net/sockstat", b"sockets: used") * SOCKET_BYTES
    used += sum(memory_of(n) for n in os.listdir("/proc") if n.isdigit() and n != "1")
    return ENDED_MEMORY if used > plan.memory_bytes else ENDED_ITSELF


def nobody_listens(report: int) -> bool:
    """Say whether the reader of the report is gone."""
    watched = select.poll()
    watched.register(report, 0)
    return any(event & select.POLLERR for _, event in watched.poll(0))


def kill_all() -> None:
    """Kill every other process of this namespace."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)


def reaped(payload: int) -> int | None:
    """Reap every child that has ended; return the payload's status, None while it runs."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == payload:
            return status
        if pid == 0:
            return None


def wait_for(payload: int, plan: Plan, deadline: float) -> tuple[int, int]:
    """Return the payload's wait status and why it was killed."""
    ended_by = ENDED_ITSELF
    while True:
        status = reaped(payload)
        if status is not None:
            return status, ended_by
        left = deadline - time.monotonic()
        if ended_by == ENDED_ITSELF:
            over = left <= 0 or nobody_listens(plan.report)
            ended_by = ENDED_WALL if over else over_soft_limit(plan)
        if ended_by:
            kill_all()
            left = POLL_S
        if plan.memory_bytes:
            left = min(left, POLL_S)
        signal.sigtimedwait([signal.SIGCHLD], max(left, 0))


def kill_the_rest() -> None:
    """Kill and reap until nobody is left."""
    while True:
        kill_all()
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def run(plan: Plan) -> None:
    """Run the payload to its end and report how it ended."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    start = time.monotonic()
    payload = os.fork()
    if payload == 0:
        start_payload(plan)
    status, ended_by = wait_for(payload, plan, start + plan.wall_s)
    wall_ns = int((time.monotonic() - start) * 1e9)
    kill_the_rest()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    scratch = os.statvfs(SCRATCH)
    cpu_ns = int((used.ru_utime + used.ru_stime) * 1e9)
    free = scratch.f_bavail * scratch.f_frsize
    record = STATUS.pack(status, ended_by, wall_ns, cpu_ns, used.ru_maxrss, free)
    send(plan.report, b"S" + record)


def inner(words: list[str]) -> None:
    """Be process 1 of the sandbox."""
    LIBC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a handler would let the payload end process 1
    plan = Plan(words)
    os.set_inheritable(plan.report, False)
    os.umask(0)
    os.mkdir(WORK, 0o700)
    os.mkdir(SHARED_MEMORY, 0o1777)
    os.chdir(WORK)
    os.umask(0o022)
    room = unpack(plan.files)
    send(plan.report, b"B")
    if room:
        run(plan)
    else:
        send(plan.report, b"S" + STATUS.pack(0, ENDED_DISK, 0, 0, 0, 0))
    left = plan.output_bytes
    for index in range(len(plan.outputs)):
        left = send_output(plan, index, left)
    send(plan.report, b"E")


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("outer", "inner"):
        sys.stderr.write("usage: init_main.py outer|inner OPTIONS -- PROGRAM\n")
        sys.exit(125)
    try:
        (outer if sys.argv[1] == "outer" else inner)(sys.argv[2:])
    except OSError as problem:
        sys.stderr.write(f"sandbox init: {problem}\n")
        sys.exit(125)
