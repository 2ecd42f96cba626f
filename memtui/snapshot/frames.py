"""Who frames belong to."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class FrameKind(StrEnum):
    """Who a frame of RAM belongs to. Every frame has exactly one kind at any moment.

    The letter is the one Linux's `tools/mm/page-types.c` prints for it where it has one.
    """

    FREE = "free"
    RESERVED = "reserved"
    MEMMAP = "memmap"
    KERNEL = "kernel"
    SLAB = "slab"
    PAGE_TABLE = "page table"
    KERNEL_STACK = "kernel stack"
    VMALLOC = "vmalloc"
    MODULE = "module text"
    ANON = "anonymous"
    FILE = "page cache"
    SHMEM = "tmpfs"
    HUGETLB = "hugetlb"
    SECRET = "secret memory"
    UNMAPPED = "unmapped cache"

    @property
    def letter(self) -> str:
        """One letter for ASCII maps and legends."""
        return _LETTERS[self]


_LETTERS: Mapping[FrameKind, str] = {
    FrameKind.FREE: "B",
    FrameKind.RESERVED: "r",
    FrameKind.MEMMAP: "m",
    FrameKind.KERNEL: "k",
    FrameKind.SLAB: "S",
    FrameKind.PAGE_TABLE: "g",
    FrameKind.KERNEL_STACK: "K",
    FrameKind.VMALLOC: "v",
    FrameKind.MODULE: "x",
    FrameKind.ANON: "a",
    FrameKind.FILE: "f",
    FrameKind.SHMEM: "s",
    FrameKind.HUGETLB: "G",
    FrameKind.SECRET: "z",
    FrameKind.UNMAPPED: "u",
}
