"""Rounds, medians, and the goals they are held against."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Goal:
    """A figure and the bound it is to keep; `wants` is "at most" or "at least"."""

    what: str
    value: float
    wants: str
    bound: float
    unit: str = ""

    @property
    def is_met(self):
        return self.value <= self.bound if self.wants == "at most" else self.value >= self.bound

    def line(self):
        value, bound = (f"{number:.4g}{self.unit}" for number in (self.value, self.bound))
        return f"{'met   ' if self.is_met else 'MISSED'}  {self.what}: {value}, goal {self.wants} {bound}"


def median(rounds, key):
    return statistics.median(figure[key] for figure in rounds)


def median_ratio(rounds, peers, key):
    """Of each round's own ratio: what slows the machine in one round slows both."""
    return statistics.median(ours[key] / theirs[key] for ours, theirs in zip(rounds, peers, strict=True))


def spread(rounds, peers, key):
    """The smallest and the largest ratio of a round."""
    ratios = [ours[key] / theirs[key] for ours, theirs in zip(rounds, peers, strict=True)]
    return min(ratios), max(ratios)


def interleaved(rounds, subjects, progress):
    """Runs each subject once per round, every other round backwards; returns a list of figures for each name.

    `subjects` maps a name to a function that measures it once.
    """
    measured = {name: [] for name in subjects}
    for number in range(rounds):
        names = list(subjects) if number % 2 == 0 else list(reversed(subjects))
        for name in names:
            figure = subjects[name]()
            measured[name].append(figure)
            progress(number, name, figure)
    return measured
