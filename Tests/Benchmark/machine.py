"""The machine the figures are measured on: its processors, and the processes that are put on them."""

import os
import pathlib
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
import time

START_SECONDS = 20
STOP_SECONDS = 30
ROOT = pathlib.Path(__file__).resolve().parents[2]


class CannotMeasure(Exception):
    """Something is missing or went wrong: there is no figure, good or bad."""


def processors():
    """One processor for the server and another for the load."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise CannotMeasure("two processors are needed, one for the server and one for the load")
    return usable[0], usable[-1]


def description():
    model = next(
        (line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), platform.machine())
    return f"{len(os.sched_getaffinity(0))} processors, {model}, Linux {platform.release()}"


def load_average():
    return os.getloadavg()[0]


def pinned(processor, command):
    """The command with all its threads on one processor; on any, if that is None."""
    command = [str(part) for part in command]
    return command if processor is None else ["taskset", "--cpu-list", str(processor), *command]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def resident_bytes(process):
    for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise CannotMeasure(f"process {process} has no resident memory")


def children(process):
    return [int(child) for child in pathlib.Path(f"/proc/{process}/task/{process}/children").read_text().split()]


class Folder:
    """A private temporary folder that is gone in the end."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="tdxd-bench-"))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


class Server:
    """A process that is started, waited for and stopped. A subclass says how, and when it is ready."""

    name = "server"

    def __init__(self, folder, processor=None):
        self.folder = folder
        self.processor = processor
        self.process = None
        self.log_path = folder / f"{self.name}.log"

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {name: value for name, value in os.environ.items() if not name.startswith("TDXD_")}

    def is_ready(self):
        raise NotImplementedError

    @property
    def worker(self):
        """The process that serves."""
        return self.process.pid

    def __enter__(self):
        try:
            with open(self.log_path, "wb") as log:
                self.process = subprocess.Popen(
                    pinned(self.processor, self.command()), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    env=self.environment())
            deadline = time.monotonic() + START_SECONDS
            while not self.is_ready():
                if self.process.poll() is not None:
                    raise CannotMeasure(f"{self.name} ended with {self.process.returncode}:\n{self.log()}")
                if time.monotonic() > deadline:
                    raise CannotMeasure(f"{self.name} was not ready within {START_SECONDS} s:\n{self.log()}")
                time.sleep(0.01)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log(self):
        return self.log_path.read_text(errors="replace")[-4000:]


def answers_at(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False
