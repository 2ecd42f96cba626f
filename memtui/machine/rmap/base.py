"""What a reverse-mapping policy must do: find, for any anonymous page, the VMAs that map it.

A policy keeps its own records of VMAs and takes its objects from the slab caches. It is told of
the first fault in a VMA, of forks and of VMAs that go. A fork comes in two steps so that it is
all or nothing: `plan_fork` says which objects it takes, the caller gets them together with all
else the child needs, and `ForkPlan.link`, which cannot fail, uses them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from memtui.machine.vma import Vma


class ForkPlan(Protocol):
    """What forking the VMAs of one process takes, and how it will be done."""

    @property
    def objects(self) -> Mapping[str, int]:
        """Slab objects by cache; the caller allocates them, and frees them if the fork comes to nothing."""

    def link(self, children: Sequence[Vma]) -> None:
        """Links the child's VMAs, given in the order of the plan, with the objects planned."""


class ReverseMap(Protocol):
    """One policy."""

    @property
    def caches(self) -> tuple[str, ...]:
        """The slab caches its objects are in."""

    def prepare(self, vma: Vma, node: int) -> None:
        """Makes a VMA ready for its first page; nothing if it is. Raises OutOfMemory with nothing changed."""

    def plan_fork(self, vmas: Sequence[Vma]) -> ForkPlan:
        """What forking these VMAs takes; VMAs that never had a page may be among them."""

    def unlink(self, vmas: Sequence[Vma]) -> None:
        """Takes VMAs out, and frees every object that was there for them alone."""

    def anchor(self, vma: Vma) -> object:
        """Where pages hang that are made in this VMA from now on: the copies of its writes go there."""

    def finds(self, anchor: object, vma: Vma) -> bool:
        """Whether a search that starts at a page's anchor looks at this VMA."""

    def objects(self) -> Mapping[str, int]:
        """Slab objects by cache, counted from the structures and not from the caches."""
