"""GETs of one TD: processor time for each answer, and answers per second."""

import contextlib
import json
import subprocess

from figures import Goal, interleaved, median, median_ratio, spread
from machine import CannotMeasure, ROOT, pinned
from servers import ROLE, TDXD, Hummingbird, Nginx, request

CLIENT = ROOT / ".build" / "bench" / "load"
CONNECTIONS = 32
WARM_UP_SECONDS = 0.3
PLAIN, TLS, HANDSHAKE, HUMMINGBIRD = "plain", "tls", "handshake", "hummingbird"
MODES = (PLAIN, TLS, HANDSHAKE, HUMMINGBIRD)
TITLES = {
    PLAIN: "plain, keep-alive",
    TLS: "TLS 1.3, client certificate, keep-alive",
    HANDSHAKE: "TLS 1.3, client certificate, one connection and full handshake for each request",
    HUMMINGBIRD: "plain, keep-alive, against a JSONEncoder for each request",
}
CPU_BOUNDS = {PLAIN: 1.1, TLS: 1.3, HANDSHAKE: 1.4}
LESS_THAN_HUMMINGBIRD = 5


class Load:
    """Runs the load generator on its own processor."""

    def __init__(self, processor, seconds, path, body, pki):
        self.processor = processor
        self.seconds = seconds
        self.path = path
        self.body = body
        self.pki = pki

    def run(self, server, port, mode, body=None):
        """One measurement; every answer must have as many bytes as `body`, by default tdxd's own."""
        command = [
            CLIENT, "--port", port, "--path", self.path, "--connections", CONNECTIONS, "--seconds", self.seconds,
            "--warm-up", WARM_UP_SECONDS, "--server", server.worker,
            "--body-bytes", len(self.body if body is None else body),
        ]
        if mode in (TLS, HANDSHAKE):
            command += [
                "--ca", self.pki / "ca.pem", "--certificate", self.pki / f"{ROLE}.pem",
                "--key", self.pki / f"{ROLE}.key",
            ]
        if mode == HANDSHAKE:
            command += ["--handshakes"]
        return run_client(pinned(self.processor, command), server)


def run_client(command, server):
    finished = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if finished.returncode != 0:
        raise CannotMeasure(f"{server.name}: {finished.stderr}{server.log()}")
    return json.loads(finished.stdout)


def subjects_of(mode, load, tdxd, nginx, hummingbird):
    """Who is measured in this mode: name to function."""
    plain_port = int(tdxd.places()[1].rsplit(":", 1)[1])
    if mode == HUMMINGBIRD:
        # Encoded otherwise, with escaped slashes and in any order, but the same document.
        body = hummingbird.get(load.path)
        if json.loads(body) != json.loads(load.body):
            raise CannotMeasure(f"Hummingbird serves another document: {body.decode(errors='replace')}")
        return {
            "tdxd": lambda: load.run(tdxd, plain_port, mode),
            "hummingbird": lambda: load.run(hummingbird, hummingbird.port, mode, body),
        }
    if mode == PLAIN:
        ports = plain_port, nginx.port
    else:
        ports = int(tdxd.places()[2].rsplit(":", 1)[1]), nginx.tls_port
    return {"tdxd": lambda: load.run(tdxd, ports[0], mode), "nginx": lambda: load.run(nginx, ports[1], mode)}


def tickets_of(tdxd, load):
    """Session tickets that tdxd sends on a connection: nginx is to send as many."""
    figure = load.run(tdxd, int(tdxd.places()[2].rsplit(":", 1)[1]), HANDSHAKE)
    return round(figure["tickets"] / figure["answers"])


def report(mode, measured, rounds):
    peer = next(name for name in measured if name != "tdxd")
    print(f"\n{TITLES[mode]}: medians of {rounds} rounds")
    for name, figures in measured.items():
        tickets = sum(figure["tickets"] for figure in figures) / sum(figure["answers"] for figure in figures)
        print(
            f"  {name:<12} {median(figures, 'serverNanos') / 1000:8.2f} us of processor time each, "
            f"{median(figures, 'perSecond'):9.0f} per second, {median(figures, 'latencyNanos') / 1000:7.0f} us mean "
            f"latency" + (f", {tickets:.0f} tickets each" if mode == HANDSHAKE else ""))
    ours, theirs = measured["tdxd"], measured[peer]
    low, high = spread(ours, theirs, "serverNanos")
    ratio = median_ratio(ours, theirs, "serverNanos")
    print(
        f"  tdxd / {peer}: processor time {ratio:.2f} ({low:.2f} to {high:.2f}), "
        f"throughput {median_ratio(ours, theirs, 'perSecond'):.2f}")
    if mode == HUMMINGBIRD:
        less = median_ratio(theirs, ours, "serverNanos")
        return [Goal("processor time, Hummingbird to tdxd", less, "at least", LESS_THAN_HUMMINGBIRD)]
    return [Goal(f"processor time to nginx, {TITLES[mode]}", ratio, "at most", CPU_BOUNDS[mode])]


def measure(modes, options, folder, progress):
    """Starts the servers that these modes need, measures, and returns the goals."""
    server_processor, load_processor = options.processors
    needs_tls = TLS in modes or HANDSHAKE in modes
    flags = ["--http-threads", 1, "--listen-plain", f"127.0.0.1:0,role={ROLE}"]
    pki = None
    if needs_tls:
        pki = folder / "pki"
        make_pki(pki)
        flags += ["--listen-tls", "127.0.0.1:0", "--pki", pki]
    with contextlib.ExitStack() as stack:
        tdxd = stack.enter_context(TDXD(folder, server_processor, flags, listeners=3 if needs_tls else 2))
        path, headers, body = tdxd.create()
        load = Load(load_processor, options.seconds, path, body, pki)
        nginx = hummingbird = None
        if set(modes) != {HUMMINGBIRD}:
            tickets = tickets_of(tdxd, load) if needs_tls else 0
            nginx = stack.enter_context(Nginx(folder, server_processor, path, headers, body, pki, tickets))
        if HUMMINGBIRD in modes:
            hummingbird = stack.enter_context(Hummingbird(folder, server_processor, body))
        goals = []
        for mode in modes:
            subjects = subjects_of(mode, load, tdxd, nginx, hummingbird)
            measured = interleaved(options.rounds, subjects, progress(mode))
            goals += report(mode, measured, options.rounds)
        return goals


def make_pki(folder):
    finished = subprocess.run([TDXD.binary, "pki", "init", folder], capture_output=True, text=True)
    if finished.returncode != 0:
        raise CannotMeasure(f"tdxd pki init: {finished.stderr}")
