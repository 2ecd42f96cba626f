"""Kernel stacks: 16 KiB of single pages per task, mapped through vmalloc (kernel/fork.c, CONFIG_VMAP_STACK).

A CPU keeps the last two stacks that were freed on it for the next tasks (NR_CACHED_STACKS), still
mapped: recorded, ten forks grow KernelStack by 160 kB and VmallocUsed by 128. A program that forks
and waits stays on one CPU, so two is what is kept here; some task has ended before the first starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from memtui.machine.core import Core, KernelOwner
from memtui.machine.errors import FrameStateError
from memtui.machine.physical.allocator import GFP_KERNEL
from memtui.machine.physical.extents import FrameList
from memtui.machine.physical.frame_map import Owner
from memtui.snapshot import FrameKind

STACK_FRAMES: Final = 4
"""THREAD_SIZE: 16 KiB."""
CACHED_STACKS: Final = 2
"""NR_CACHED_STACKS."""
STACK_OWNER: Final = KernelOwner("kernel stacks", FrameKind.KERNEL_STACK)


class KernelStacks:
    """Stacks of tasks, and those that are kept for the next."""

    def __init__(self, core: Core) -> None:
        """Allocates the ones that are kept. Raises OutOfMemory."""
        self._core = core
        self.in_use = 0
        """Stacks that tasks have."""
        self._cached = [self._new(0) for _ in range(CACHED_STACKS)]

    @property
    def mapped_frames(self) -> int:
        """Frames of all stacks, those that are kept included (their part of VmallocUsed)."""
        return (self.in_use + len(self._cached)) * STACK_FRAMES

    def take(self, node: int) -> FrameList:
        """A stack for a new task. Raises OutOfMemory."""
        stack = self._cached.pop() if self._cached else self._new(node)
        self.in_use += 1
        return stack

    def give(self, stack: FrameList) -> None:
        """The stack of a task that is gone."""
        self.in_use -= 1
        if len(self._cached) < CACHED_STACKS:
            self._cached.append(stack)
        else:
            self._core.allocator.free_list(stack, STACK_OWNER)

    def claims(self) -> Iterator[tuple[Owner, int, int]]:
        """(owner, first frame, frames) of the stacks that are kept; tasks claim their own."""
        for stack in self._cached:
            for start, frames in stack:
                yield STACK_OWNER, start, frames

    def check(self, stacks: Iterable[int]) -> None:
        """Raises FrameStateError unless the stacks in use are those of the tasks, given by their frames, all whole."""
        sizes = list(stacks)
        if len(sizes) != self.in_use or any(frames != STACK_FRAMES for frames in sizes):
            raise FrameStateError(f"{self.in_use} kernel stacks in use, tasks have {len(sizes)}")
        if any(stack.frames != STACK_FRAMES for stack in self._cached):
            raise FrameStateError("a kernel stack that is kept for the next task is not whole")

    def _new(self, node: int) -> FrameList:
        return self._core.allocator.allocate_many(STACK_OWNER, GFP_KERNEL, STACK_FRAMES, 0, node)
