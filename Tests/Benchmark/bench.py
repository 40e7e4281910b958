"""Measures tdxd beside its peers and says which goals are met. deploy/bench installs and builds what this runs.

Exits with 0 when everything could be measured, whatever the figures are.
"""

import argparse
import dataclasses
import sys
import time

import http_load
import lifecycle
import resting
from machine import CannotMeasure, Folder, description, load_average, processors

PARTS = (*http_load.MODES, "lifecycle", "start", "memory")
ROUNDS = 7
SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class Options:
    rounds: int
    seconds: float
    processors: tuple[int, int]


def read_arguments():
    parser = argparse.ArgumentParser(
        prog="deploy/bench", description="Measures tdxd beside nginx, Hummingbird and libvirtd.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each comparison (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="for each measurement (default: %(default)s)")
    parser.add_argument(
        "--only", action="append", choices=PARTS, metavar="PART",
        help=f"one part, may be repeated; any of {', '.join(PARTS)}")
    # Looks at the arguments only: deploy/bench asks before it builds.
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.rounds < 1 or not 0.1 <= arguments.seconds <= 60:
        parser.error("at least one round, of 0.1 to 60 seconds")
    return arguments


def progress(what):
    """Says each round's figures as they come, so that a run that is cut short has not been for nothing."""
    def say(number, name, figure):
        print(
            f"{what}, round {number + 1}: {name} {figure['serverNanos'] / 1000:.2f} us, "
            f"{figure['perSecond']:.0f} per second", file=sys.stderr, flush=True)
    return say


def measure(parts, options):
    goals = []
    modes = [mode for mode in http_load.MODES if mode in parts]
    if modes:
        with Folder() as folder:
            goals += http_load.measure(modes, options, folder, progress)
    if "lifecycle" in parts:
        with Folder() as folder:
            goals += lifecycle.measure(options, folder, progress)
    if "start" in parts:
        with Folder() as folder:
            goals += resting.measure_start(options, folder)
    if "memory" in parts:
        with Folder() as folder:
            goals += resting.measure_memory(options, folder)
    return goals


def main():
    arguments = read_arguments()
    if arguments.check:
        return 0
    began = time.monotonic()
    try:
        options = Options(arguments.rounds, arguments.seconds, processors())
        server, load = options.processors
        print(f"{description()}; load average {load_average():.2f}")
        print(f"HTTP servers run on processor {server}, the load on {load}; {http_load.CONNECTIONS} connections")
        goals = measure(set(arguments.only or PARTS), options)
    except CannotMeasure as error:
        print(f"Could not measure: {error}", file=sys.stderr)
        return 1
    print(f"\nGoals, after {time.monotonic() - began:.0f} s, load average {load_average():.2f}")
    for goal in goals:
        print(f"  {goal.line()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
