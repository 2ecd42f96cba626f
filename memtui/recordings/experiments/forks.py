"""Anonymous memory under fork (`exp_fork`): a tree, a chain, a relay, and many small VMAs."""

from __future__ import annotations

from typing import Final

from memtui.recordings.experiments.deed import Deed, Deeds, Experiment, Value, end, kib, number
from memtui.recordings.model import Recording, Step

PARENT: Final = "exp_fork"
"""The program that maps the memory; it runs from before the first step."""
SHAPES: Final = {"chained": "chain", "relayed": "relay"}


def fork(recording: Recording) -> Experiment:
    """`exp_fork MODE ...`."""
    mode = recording.arguments[1]
    names = _Names()
    for step in recording.steps:
        if step.name == "before":
            names.next()
        if mode == "tree":
            yield _tree(step, names)
        elif mode == "vmas":
            yield _vmas(step, names)
        else:
            yield _line(step, names)


class _Names:
    """Labels of one round: the memory that is mapped and the children that share it."""

    def __init__(self) -> None:
        self._round = 0

    def next(self) -> None:
        """Another round begins."""
        self._round += 1

    @property
    def memory(self) -> str:
        """The mapping of this round."""
        return f"memory {self._round}"

    @property
    def children(self) -> str:
        """The children of this round."""
        return f"children {self._round}"


def _tree(step: Step, names: _Names) -> Deeds:
    """A mapping, children that write a share of its beginning, and their end."""
    if step.name == "touch":
        return [_map(names, number(step, "mib") << 10, thp="madvise" if number(step, "thp") else "never")]
    if step.name == "forked":
        return [Deed("process_fork", {"process": PARENT, "children": number(step, "children")}, names.children)]
    if step.name == "children_wrote" and number(step, "pct"):
        share = f"{number(step, 'pct')}%"
        return [Deed("process_write", {"process": "child", "size": kib(number(step, "cow_mib") << 10), "share": share})]
    return _ends(step, names)


def _line(step: Step, names: _Names) -> Deeds:
    """Each child forks the next, having written a page of its own."""
    if step.name == "touch":
        return [_map(names, number(step, "mib") << 10)]
    if step.name in SHAPES:
        params: dict[str, Value] = {"process": PARENT, "children": number(step, "depth")}
        return [Deed("process_fork", params | {"shape": SHAPES[step.name], "writes": "4KiB"}, names.children)]
    return _ends(step, names)


def _vmas(step: Step, names: _Names) -> Deeds:
    """Many VMAs of a page, touched one by one; ten children."""
    if step.name == "mapped":
        count = number(step, "vmas")
        return [_map(names, count * 4, vmas=count, touch="0%")]
    if step.name == "touched":
        return [Deed("process_write", {"process": PARENT})]
    if step.name == "forked10":
        return [Deed("process_fork", {"process": PARENT, "children": 10}, names.children)]
    return _ends(step, names)


def _ends(step: Step, names: _Names) -> Deeds:
    ended = {"children_gone": names.children, "gone": names.children, "unmapped": names.memory}
    return [end(ended[step.name])] if step.name in ended else []


def _map(names: _Names, size_kb: int, **params: int | str) -> Deed:
    return Deed("process_map", {"process": PARENT, "size": kib(size_kb), **params}, names.memory)
