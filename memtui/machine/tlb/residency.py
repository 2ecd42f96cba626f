"""How long an entry of an LRU array survives, in closed form (Che's approximation).

An array of N entries keeps a translation until N others were used since its last use. With many
independent users that time is nearly the same for all, T accesses, and a leaf used with
probability r per access is found with probability 1 - exp(-r T). T is where the expected number
of leaves in the array is N. For leaves of one size this gives exactly N / leaves; for mixtures
it knows that a leaf which maps more is used more often and stays.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from memtui.machine.tlb.cpus import TlbArray

_MOST_STEPS = 200
_PRECISE = 1e-14


class Users(NamedTuple):
    """Leaves of one size that are used alike: how many, and how often each, per access."""

    leaf: str
    number: int
    rate: float


def lifetimes(array: TlbArray, users: Sequence[Users]) -> dict[str, float]:
    """Accesses an unused entry survives, by leaf size; infinite where all leaves that are used fit.

    A size that would take more than its share of the array gets its share for itself, and the
    others divide what is left.
    """
    competing = [user for user in users if user.leaf in array.leaves and user.rate > 0]
    entries = array.entries
    survival: dict[str, float] = {}
    while competing:
        shared = lifetime(entries, competing)
        over = next((leaf for leaf, most in array.most if _resident(leaf, competing, shared) > most), None)
        if over is None:
            return survival | {user.leaf: shared for user in competing}
        own = [user for user in competing if user.leaf == over]
        survival[over] = lifetime(array.limit(over), own)
        entries -= array.limit(over)
        competing = [user for user in competing if user.leaf != over]
    return survival


def slack(array: TlbArray, users: Sequence[Users]) -> float:
    """How many times as many leaves of each size the array could hold; below 1 when they do not fit."""
    inside = [user for user in users if user.leaf in array.leaves]
    counts = [(array.entries, sum(user.number for user in inside))]
    counts += [(most, sum(user.number for user in inside if user.leaf == leaf)) for leaf, most in array.most]
    return min((entries / count for entries, count in counts if count), default=math.inf)


def found(rate: float, lifetime: float) -> float:
    """Probability that a leaf used so often is still there at its next use; 0 for one that is never used."""
    return -math.expm1(-rate * lifetime) if rate else 0.0


def _resident(leaf: str, users: Iterable[Users], lifetime: float) -> float:
    return sum(user.number * found(user.rate, lifetime) for user in users if user.leaf == leaf)


def lifetime(entries: int, users: Sequence[Users]) -> float:
    """T with exactly `entries` leaves expected, by Newton's method.

    The expected number is concave in T, so every step from zero stays below the solution and
    the method climbs to it.
    """
    if sum(user.number for user in users) <= entries:
        return math.inf
    lifetime = 0.0
    for _ in range(_MOST_STEPS):
        expected = slope = 0.0
        for _, count, rate in users:
            present = -math.expm1(-rate * lifetime)
            expected += count * present
            slope += count * rate * (1.0 - present)
        missing = entries - expected
        if missing <= 0 or slope <= 0:
            break
        lifetime += missing / slope
        if missing <= entries * _PRECISE:
            break
    return lifetime
