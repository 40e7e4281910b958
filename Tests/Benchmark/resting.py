"""What tdxd costs while nobody asks it anything: memory, and the time until it answers."""

import statistics
import ssl
import subprocess
import threading
import time

from figures import Goal
from http_load import make_pki
from machine import CannotMeasure, START_SECONDS, Folder, free_port, resident_bytes
from servers import ROLE, TDXD, TLSConnection, request

MEMORY_BOUND_MEBIBYTES = 25
START_BOUND_MILLISECONDS = 50
STARTS = 21
CYCLES = 1000
CLIENTS = 4
SETTLE_SECONDS = 1
RETRY_SECONDS = 0.0005


def tls_flags(folder, port):
    pki = folder / "pki"
    make_pki(pki)
    return ["--listen-tls", f"127.0.0.1:{port}", "--pki", pki]


def client_context(pki):
    context = ssl.create_default_context(cafile=pki / "ca.pem")
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(pki / f"{ROLE}.pem", pki / f"{ROLE}.key")
    return context


def measure_memory(options, folder):
    port = free_port()
    with TDXD(folder, flags=tls_flags(folder, port), listeners=2) as tdxd:
        connection = TLSConnection(port, client_context(folder / "pki"))
        expect(request(connection, "GET", "/tds"), 200)
        time.sleep(SETTLE_SECONDS)
        fresh = resident_bytes(tdxd.worker)
        make_and_delete(tdxd)
        time.sleep(SETTLE_SECONDS)
        used = resident_bytes(tdxd.worker)
        connection.close()
    print("\nResident memory of tdxd, idle, with a Unix socket and a TLS listener")
    print(f"  after its start and one request over TLS: {mebibytes(fresh):.1f} MiB")
    print(f"  after {CYCLES} TDs more, made and deleted, whose records it keeps: {mebibytes(used):.1f} MiB")
    return [Goal("idle resident memory", mebibytes(fresh), "at most", MEMORY_BOUND_MEBIBYTES, " MiB")]


def make_and_delete(tdxd):
    """In threads of ours: how fast does not matter here."""
    failures = []

    def work():
        try:
            connection = tdxd.connection()
            for _ in range(CYCLES // CLIENTS):
                spec = {"spec": {"maxVcpus": 2, "vcpuCount": 2}}
                headers = expect(request(connection, "POST", "/tds", spec, {"Prefer": "wait=30"}), 201)
                expect(request(connection, "DELETE", headers["Location"], headers={"Prefer": "wait=30"}), 200)
            connection.close()
        except Exception as error:  # Reported below, in the thread that can end the run.
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise CannotMeasure(f"making and deleting TDs: {failures[0]}")


def expect(answer, wanted):
    status, headers, body = answer
    if status != wanted:
        raise CannotMeasure(f"{status} instead of {wanted}: {body.decode(errors='replace')}")
    return headers


def mebibytes(count):
    return count / (1024 * 1024)


def measure_start(options, folder):
    port = free_port()
    flags = tls_flags(folder, port)
    context = client_context(folder / "pki")
    times = [time_start(flags, port, context) for _ in range(STARTS)]
    print(f"\nFrom starting the process to the first answer, over TLS with a client certificate: {STARTS} starts")
    median = statistics.median(times) * 1000
    print(f"  median {median:.1f} ms, least {min(times) * 1000:.1f} ms, most {max(times) * 1000:.1f} ms")
    return [Goal("start to first answer over TLS", median, "at most", START_BOUND_MILLISECONDS, " ms")]


def time_start(flags, port, context):
    """Seconds. The client knocks until somebody listens; its own handshake is part of the time."""
    with Folder() as folder:
        tdxd = TDXD(folder, flags=flags)
        with open(tdxd.log_path, "wb") as log:
            command = [str(part) for part in tdxd.command()]
            environment = tdxd.environment()
            began = time.monotonic()
            tdxd.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        try:
            connection = knock(tdxd, port, context, began + START_SECONDS)
            answer = request(connection, "GET", "/tds")
            ended = time.monotonic()
            expect(answer, 200)
            connection.close()
        finally:
            tdxd.__exit__()
        return ended - began


def knock(tdxd, port, context, deadline):
    while True:
        connection = TLSConnection(port, context)
        try:
            connection.connect()
            return connection
        except ConnectionRefusedError:
            if tdxd.process.poll() is not None or time.monotonic() > deadline:
                raise CannotMeasure(f"tdxd does not listen:\n{tdxd.log()}") from None
            time.sleep(RETRY_SECONDS)
