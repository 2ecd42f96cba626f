"""What the TLB panel is about: which access is chosen, and how keys and clicks choose another.

The direct map, what the kernel is stated to access and the vmemmap come first, then processes by
size. However many there are, a Snapshot has a window of them, which moves along with the choice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from memtui.snapshot import MapRequest, TlbAccess, TlbView
from memtui.view.state import ViewState

LISTED: Final = 10
"""Processes that are asked for at most: each takes its share of the time of a frame."""
BESIDE: Final = 3
"""Processes that are asked for where one is chosen and there is no such room: it, and those before and after it."""


def request(state: ViewState, *, rows: int) -> MapRequest:
    """The processes to be told of where there are about so many rows for them, and what skewed accesses pay."""
    return MapRequest(
        skewed=True,
        processes=max(BESIDE, min(LISTED, rows)) if rows >= 0 else BESIDE if state.process else 1,
        first_process=state.first_process,
        process=state.process,
    )


def chosen_access(view: TlbView, state: ViewState) -> TlbAccess | None:
    """The access that arrays and bars are about: the one of that name, or the first there is."""
    named = next((access for access in view.accesses if access.name == state.access), None)
    return named or next(iter(view.accesses), None)


def stepped(view: TlbView, state: ViewState, step: int) -> ViewState:
    """The access so many further down the list (up below zero) is chosen; round at the ends."""
    now = chosen_access(view, state)
    if now is None:
        return state
    return chosen(view, state, (view.accesses.index(now) + step) % len(view.accesses))


def chosen(view: TlbView, state: ViewState, place: int) -> ViewState:
    """The access at that place is chosen; the window of processes follows, so that its neighbours are known too."""
    access = view.accesses[place]
    return replace(state, access=access.name, process=access.pid, first_process=_first(view, place))


def others(view: TlbView) -> int:
    """Processes that the Snapshot does not tell of."""
    return max(0, view.processes - sum(access.pid != 0 for access in view.accesses))


def _first(view: TlbView, place: int) -> int:
    """How many of the largest processes stand above the window once the access at that place is chosen."""
    listed = [index for index, access in enumerate(view.accesses) if access.pid]
    if place not in listed:
        return 0
    first, last = view.first_process, view.first_process + len(listed) - 1
    rank = first + listed.index(place)
    if rank == last and last < view.processes - 1:
        return max(0, rank - max(1, len(listed) - 2))
    return max(0, rank - 1) if rank == first else first
