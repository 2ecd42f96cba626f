"""What can go wrong inside the machine, in Linux's terms."""

from __future__ import annotations


class OutOfMemory(Exception):
    """An allocation failed (-ENOMEM): reclaim and, where it may act, the OOM killer did not help."""


class NoSpace(Exception):
    """A file system is full (-ENOSPC)."""


class MemlockExceeded(Exception):
    """A mapping would lock more memory than its program may (-EAGAIN, RLIMIT_MEMLOCK)."""


class SegmentationFault(ValueError):
    """A process writes where it maps nothing that can be written (SIGSEGV)."""


class MachineStopped(Exception):
    """The machine cannot go on: it cannot boot, or is out of memory with nothing left to kill."""


class FrameStateError(AssertionError):
    """A law of the machine is broken (a frame with two owners, a free of what is not owned): a bug in memtui."""
