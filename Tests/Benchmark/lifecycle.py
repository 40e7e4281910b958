"""Whole lives of domains: tdxd on its fake module against libvirtd with its test driver. Neither runs a guest."""

from figures import Goal, interleaved, median, median_ratio
from http_load import run_client
from machine import ROOT
from servers import TDXD, Libvirtd

CLIENT = ROOT / ".build" / "bench" / "cycles"
CLIENT_COUNTS = (1, 8)
TIMES_LIBVIRTD = 5


def measure(options, folder, progress):
    """Nobody is pinned here: both daemons have threads, and both may use the whole machine."""
    goals = []
    with TDXD(folder) as tdxd, Libvirtd(folder) as libvirtd:
        for clients in CLIENT_COUNTS:
            def cycles(name, server, place, clients=clients):
                return run_client([CLIENT, name, place, clients, options.seconds, server.worker], server)

            subjects = {
                "tdxd": lambda: cycles("tdxd", tdxd, tdxd.socket),
                "libvirtd": lambda: cycles("libvirt", libvirtd, libvirtd.place),
            }
            measured = interleaved(options.rounds, subjects, progress(f"lifecycle, {clients} clients"))
            goals.append(report(clients, measured, options.rounds))
    return goals


def report(clients, measured, rounds):
    who = "1 client" if clients == 1 else f"{clients} clients"
    print(f"\nCreate and delete, 2 vCPUs, {who}: medians of {rounds} rounds")
    for name, figures in measured.items():
        print(
            f"  {name:<12} {median(figures, 'perSecond'):8.0f} cycles per second, "
            f"{median(figures, 'serverNanos') / 1000:7.0f} us of processor time each in the daemon, "
            f"{median(figures, 'clientNanos') / 1000:5.0f} us in the client")
    ours, theirs = measured["tdxd"], measured["libvirtd"]
    ratio = median_ratio(ours, theirs, "perSecond")
    less = median_ratio(theirs, ours, "serverNanos")
    print(f"  tdxd to libvirtd: {ratio:.2f} times the cycles; libvirtd to tdxd: {less:.2f} times the processor time")
    return Goal(f"cycles per second to libvirtd, {who}", ratio, "at least", TIMES_LIBVIRTD)
