"""What each operation costs in simulated time: one table, every figure with its source.

A subsystem charges the meter for what it does, `meter.charge(costs.ZERO_PAGE, pages)`; the
engine takes the sum as the time the step took. An entry says what it includes; anything it does
not name is charged beside it, so that larger operations add up from smaller ones:

- first touch of anonymous memory, per 4 KiB: FAULT, ALLOC_PAGE, ZERO_PAGE, MAP_PAGE, ACCESS_PAGE
- the same, per 2 MiB: FAULT, ALLOC_HUGE_PAGE, ZERO_HUGE_PAGE, MAP_HUGE_PAGE, PAGE_TABLE (the one
  deposited for a later split) and ACCESS_PAGE for each 4 KiB the program writes to
- a write to a shared page: FAULT, ALLOC_PAGE, COPY_PAGE, MAP_PAGE, ACCESS_PAGE; SPLIT_PMD where a
  2 MiB leaf mapped it; FAULT and ACCESS_PAGE alone if nobody else has the page any more
- a write to a page that is there and is the process's own: ACCESS_PAGE
- the last unmapping of a page: UNMAP_PAGE, FREE_PAGE; of a shared one: UNMAP_PAGE alone
- fork: FORK, FORK_VMA, FORK_ANON_VMA, FORK_ANON_VMA_CHAIN, FORK_PAGE, FORK_HUGE_PAGE, PAGE_TABLE
- one set_memory call: SET_MEMORY_PAGE per page, SPLIT_LEAF and FLUSH_ALL per split, then either
  FLUSH_ALL or FLUSH_RANGE with FLUSH_RANGE_PAGE per page
- a pool grown with HVO on, per write to nr_hugepages: RCU_GRACE_PERIOD and FLUSH_ALL twice; per
  page HUGETLB_PAGE_GROW and HVO_OPTIMIZE_PAGE; per frame given back HVO_FRAME. Freed: the same
  batch, and HUGETLB_PAGE_REMOVE, HUGETLB_PAGE_FREE, HVO_RESTORE_PAGE, HVO_RESTORE_FRAME. Before Linux 6.7
  there is no batch, but a FLUSH_RANGE with its eight FLUSH_RANGE_PAGE for every page

Times are for one CPU of a present-day server; what must reach every CPU grows with their number.
"Recorded" is Linux 6.18 on two otherwise idle CPUs of a virtual machine; "assumed" marks a figure
that nothing measured stands behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One kind of work: what it costs on one CPU, what each further CPU it must reach adds, and who says so."""

    name: str
    ns: int
    """Nanoseconds each time."""
    source: str
    """Where the figure is from."""
    per_cpu_ns: int = 0
    """Nanoseconds more for each CPU of the machine: interrupts sent and waited for."""
    guest_cpu_ns: int = 0
    """The same where the CPUs are a hypervisor's virtual ones."""

    def time_ns(self, cpus: int, *, guest: bool = False) -> int:
        """What it takes once on a machine with so many CPUs."""
        return self.ns + (self.guest_cpu_ns if guest else self.per_cpu_ns) * cpus


# Allocator and page contents

ALLOC_PAGE: Final = Operation("allocate a page", 650, "recorded: rest of a 2.1 us first touch; tmpfs write 1.5 us")
"""Order-0 allocation with its cgroup charge, LRU and statistics."""

FREE_PAGE: Final = Operation("free a page", 320, "recorded: tmpfs truncation 0.28-0.41 us per page")
"""Taking a page from its owner and giving it to the allocator."""

ALLOC_HUGE_PAGE: Final = Operation("allocate a huge page", 4400, "recorded: pool growth 4.5 us per page, HVO off")
"""Order-9 allocation and the preparation of its 511 tail struct pages (about 8 ns each)."""

FREE_HUGE_PAGE: Final = Operation(
    "free a huge page", 5400, "recorded: tmpfs punch 6.3 us, munmap 5.9-9.1 us, pool 5.7 us each"
)
"""Undoing the 511 tail struct pages and giving the order-9 block back."""

TAIL_PAGE: Final = Operation(
    "prepare a tail page", 8, "recorded: what ALLOC_HUGE_PAGE and FREE_HUGE_PAGE cost more than a page, by 511"
)
"""Preparing, or undoing, one tail struct page of a large folio between 4 KiB and 2 MiB."""

ZERO_PAGE: Final = Operation("zero a page", 470, "recorded: a 512th of zeroing 2 MiB")
"""Clearing 4 KiB that are not in a cache."""

ZERO_HUGE_PAGE: Final = Operation("zero a huge page", 240_000, "recorded: first byte into a 2 MiB tmpfs page 247 us")
"""Clearing 2 MiB."""

COPY_PAGE: Final = Operation(
    "copy a page", 500, "recorded: write(2) into an existing tmpfs huge page 0.48-0.66 us/4 KiB"
)
"""Copying 4 KiB."""

MIGRATE_PAGE: Final = Operation("migrate a page", 2400, "assumed: allocate, copy, unmap, map and flush one page")
"""Moving one movable page away: compaction, contiguous allocation."""

COMPACT_SCAN: Final = Operation("scan a pageblock", 1000, "assumed: 2 ns per struct page read")
"""One of compaction's scanners looks through 2 MiB; pages moved are MIGRATE_PAGE."""

# Faults and page tables

FAULT: Final = Operation("page fault", 400, "recorded: mapping a page of an existing file 0.9 us with map and access")
"""Exception, VMA look-up, return."""

ACCESS_PAGE: Final = Operation(
    "access a page", 330, "recorded: 410 us touch of a 2 MiB page less its fault and zeroing"
)
"""The program's own first write to 4 KiB it has just been given: TLB and cache misses."""

MAP_PAGE: Final = Operation(
    "map a page", 220, "recorded: mapping a page of an existing file 0.9 us with fault and access"
)
"""Installing one PTE, with rmap and counters."""

MAP_HUGE_PAGE: Final = Operation("map a huge page", 1500, "assumed: as a PTE, with the deposit of its page table")
"""Installing one PMD leaf. The page table deposited with it is charged as PAGE_TABLE."""

UNMAP_PAGE: Final = Operation(
    "unmap a page", 85, "recorded: exit of children sharing 256 MiB or 1 GiB, 55-140 ns per page"
)
"""Clearing one PTE, with rmap and counters, as one of many."""

UNMAP_HUGE_PAGE: Final = Operation("unmap a huge page", 350, "recorded: exit of children sharing 1 GiB, 0.33-0.8 ms")
"""Clearing one PMD leaf, with rmap and counters; its deposited page table is FREE_PAGE_TABLE."""

SPLIT_PMD: Final = Operation("split a 2 MiB entry", 1500, "assumed: filling a deposited table of 512 entries")
"""Replacing one PMD leaf of a process by the page table deposited with it."""

PAGE_TABLE: Final = Operation("page table", 900, "recorded: fork 1-2 us per huge page, most of it the table")
"""Allocating, clearing and installing one page-table page."""

FREE_PAGE_TABLE: Final = Operation("free a page table", 250, "assumed: as freeing a page, batched")
"""Giving one page-table page back."""

MMAP: Final = Operation("mmap", 1500, "recorded: 4000 times mmap and mprotect 3.0 us")
"""One system call that makes, changes or removes a VMA."""

ANON_VMA: Final = Operation("anon_vma", 500, "recorded: first touch of 4000 VMAs 2.7 us each against 2.1 us per page")
"""Attaching an anon_vma and its chain entry to a VMA at its first fault."""

# TLB flushes

FLUSH_ALL: Final = Operation(
    "flush all TLBs",
    1500,
    "published: HVO without batching +49.7 us per page on 8 sockets, +276.8 us on 252 virtual CPUs",
    per_cpu_ns=50,
    guest_cpu_ns=1020,
)
"""A broadcast that empties the TLB of every CPU, waited for (flush_tlb_all)."""

FLUSH_RANGE: Final = Operation(
    "flush a range from all TLBs",
    1500,
    "published: as FLUSH_ALL; the interrupt is the same",
    per_cpu_ns=50,
    guest_cpu_ns=1020,
)
"""The broadcast of a flush of at most 33 pages; each page is charged as FLUSH_RANGE_PAGE."""

FLUSH_RANGE_PAGE: Final = Operation("invalidate a page", 150, "assumed: INVLPG 100-200 ns, on all CPUs at once")
"""One page of a ranged flush."""

# Direct map

SPLIT_LEAF: Final = Operation("split a leaf", 4000, "assumed: 3-5 us")
"""Replacing a large kernel leaf (direct map, vmemmap) by a table of 512 entries, the table's allocation
included; the flush is separate."""

COLLAPSE_LEAF: Final = Operation("collapse a leaf", 2000, "assumed: reading 512 entries and freeing their table")
"""Replacing 512 equal entries by one large leaf; the flush is separate."""

SET_MEMORY_PAGE: Final = Operation("set_memory on a page", 300, "assumed: walk of the kernel page table and one write")
"""Changing the permissions of one entry of a kernel mapping, whatever its size."""

# Processes

FORK: Final = Operation("fork", 120_000, "recorded: 0.23 ms with 256 MiB of huge pages; chain link 0.26 ms")
"""A new task and mm without any of its VMAs, pages and tables."""

FORK_VMA: Final = Operation("fork a VMA", 580, "recorded: 8000 VMAs, half of them touched, 8.5 ms per fork")
"""Copying one VMA."""

FORK_ANON_VMA: Final = Operation("fork an anon_vma", 280, "recorded: as a chain entry, which is of the same kind")
"""A child VMA's own anon_vma."""

FORK_ANON_VMA_CHAIN: Final = Operation("fork an anon_vma_chain", 280, "recorded: fork chain 0.27-0.34 ms, 40-310 each")
"""One anon_vma_chain entry cloned or made by fork."""

FORK_PAGE: Final = Operation("fork a page", 85, "recorded: 44-120 ns per page, 256 MiB and 1 GiB")
"""Sharing one base page with the child: its PTE twice, its count once."""

FORK_HUGE_PAGE: Final = Operation("fork a huge page", 300, "recorded: fork 1-2 us per huge page with its table")
"""Sharing one huge page with the child. The child's deposited page table is charged as PAGE_TABLE."""

EXIT: Final = Operation("exit", 100_000, "recorded: 0.21-0.45 ms with 4 MiB of its own and 256 MiB shared")
"""Ending a task and its mm without what it maps."""

EXIT_VMA: Final = Operation("remove a VMA", 400, "assumed: somewhat less than copying one")
"""Removing one VMA, with its anon_vma and chain entries."""

# Secret memory

SECRET_FILE: Final = Operation("memfd_secret file", 6000, "recorded: one-page files 12.7 us against 6.7 us per page")
"""memfd_secret, ftruncate and mmap of one file."""

SECRET_PAGE: Final = Operation(
    "secret page", 4450, "recorded: 6.7 us per page in bulk, with zeroing and the flush on two CPUs"
)
"""One page made secret: fault, allocation, direct-map entry, file and PTE. Beside it go ZERO_PAGE,
FLUSH_RANGE with one FLUSH_RANGE_PAGE, and SPLIT_LEAF with FLUSH_ALL where a leaf had to be split."""

SECRET_RELEASE_FILE: Final = Operation("close a secret file", 7000, "recorded: one-page files 8.2 us against 1.25 us")
"""munmap and close of one file."""

SECRET_RELEASE_PAGE: Final = Operation("release a secret page", 1250, "recorded: 1.2-1.6 us per page in bulk")
"""Direct-map entry restored, page zeroed and freed."""

# Module text and BPF

BPF_PROGRAM: Final = Operation("load a BPF program", 24_000, "recorded: 17-29 us for two instructions")
"""Loading a program apart from its length, its chunk of a pack included."""

BPF_BYTE: Final = Operation("verify and JIT a byte", 58, "recorded: 0.23-0.33 us per instruction of 5 bytes")
"""Each byte of JITed code: verifier, JIT and text poke."""

BPF_RELEASE: Final = Operation("close a BPF program", 1700, "recorded: 1.6-2.2 us each")
"""Closing the last file descriptor of a program; its memory returns later."""

MODULE_LOAD: Final = Operation("load a module", 300_000, "assumed: system call, symbols, sysfs, init function")
"""Loading a module apart from its length."""

MODULE_BYTE: Final = Operation("copy and relocate a byte", 3, "assumed: read, copy, relocate 300 KiB in about 1 ms")
"""Each byte of a module's sections."""

MODULE_UNLOAD: Final = Operation(
    "unload a module", 100_000, "assumed: exit function, sysfs; RCU_GRACE_PERIOD is separate"
)
"""Unloading a module."""

RCU_GRACE_PERIOD: Final = Operation(
    "RCU grace period", 8_500_000, "recorded: pool of 512 to 4096 pages with HVO, what does not grow with its size"
)
"""synchronize_rcu(): waiting until every CPU has passed through the scheduler. HVO waits once per batch
(mm/hugetlb_vmemmap.c, against readers that still write to struct pages)."""

# The hugepage pool

HUGETLB_PAGE_GROW: Final = Operation("add a huge page to the pool", 4480, "recorded: 4.4-4.6 us, 512 to 4096 at once")
"""A 2 MiB page from the buddy allocator into the pool, its allocation included; it is not zeroed."""

HUGETLB_PAGE_REMOVE: Final = Operation(
    "take a huge page out of the pool", 270, "published: 10 240 pages left to a kworker in 4 ms, on a slower CPU (1.44)"
)
"""Choosing a page of the pool and unlinking it under hugetlb_lock, before it is freed."""

HUGETLB_PAGE_FREE: Final = Operation(
    "free a huge page of the pool", 5380, "recorded: 5.6-6 us, 512 to 4096 at once, HUGETLB_PAGE_REMOVE included"
)
"""A 2 MiB page from the pool back to the buddy allocator, its freeing included."""

HVO_OPTIMIZE_PAGE: Final = Operation(
    "optimise vmemmap of a huge page", 600, "recorded: 7.9 us per page, HVO on, in all"
)
"""What optimising costs apart from its frames: the walk, and the new frame of the head struct pages."""

HVO_FRAME: Final = Operation("give back a vmemmap frame", 400, "recorded: 7.9 us per page, HVO on, in all; 1 GiB pages")
"""Remapping one page of vmemmap to the shared frame and freeing its own."""

HVO_RESTORE_PAGE: Final = Operation("restore vmemmap of a huge page", 340, "recorded: 13.3 us per page, HVO on, in all")
"""What restoring costs apart from its frames."""

HVO_RESTORE_FRAME: Final = Operation("restore a vmemmap frame", 1050, "recorded: 13.3 us per page in all; 1 GiB pages")
"""Allocating one frame, copying the struct pages into it and mapping it."""

CONTIG_SEARCH: Final = Operation("examine a GiB for contiguous use", 500_000, "assumed: 2 ns per struct page read")
"""Looking through one aligned GiB that turns out not to be usable."""

GIGANTIC_PAGE_GROW: Final = Operation("add a 1 GiB page to the pool", 23_400_000, "recorded: 23.2-26.5 ms, HVO off")
"""Isolating a free aligned GiB and preparing its struct pages; pages moved away are MIGRATE_PAGE."""

GIGANTIC_PAGE_FREE: Final = Operation("free a 1 GiB page of the pool", 1_650_000, "recorded: 1.5-1.8 ms, HVO off")
"""A 1 GiB page back to the buddy allocator."""

# tmpfs and the page cache

TMPFS_FILE: Final = Operation("create a tmpfs file", 5000, "assumed: as memfd_secret without its VMA")
"""Creating, or removing, one file."""

TMPFS_PAGE: Final = Operation(
    "add a page to tmpfs", 420, "recorded: write(2) 1.5-1.8 us per page with allocation and copy"
)
"""Putting one base page into the file's index and accounts; allocation, zeroing and copying are separate."""

TMPFS_HUGE_PAGE: Final = Operation("add a huge page to tmpfs", 2000, "recorded: 229-250 us for the first byte in all")
"""Putting one huge page into the file's index and accounts; allocation, zeroing and copying are separate."""

TMPFS_TRUNCATE: Final = Operation("truncate a tmpfs file", 5000, "assumed: as creating one; freed pages are separate")
"""One truncation or removal of content."""

TMPFS_PUNCH: Final = Operation("punch a hole", 2100, "recorded: 2.4 us for one page with its freeing")
"""One FALLOC_FL_PUNCH_HOLE; freed pages are separate."""

SPLIT_HUGE_PAGE: Final = Operation("split a huge page", 7200, "recorded: punching 4 KiB 9.6 us against 2.4 us")
"""Turning one huge page into 512 base pages."""

FILE_PAGE_READ: Final = Operation("read a page of a file", 1300, "assumed: 3 GB/s from the device")
"""One page of page cache read ahead from a device; its allocation is separate."""

FILE_PAGE_WRITE: Final = Operation("write a page back", 1300, "assumed: as FILE_PAGE_READ")
"""One dirty page of page cache written to its device."""

RECLAIM_PAGE: Final = Operation(
    "reclaim a page", 500, "assumed: one LRU scan and removal of a clean page; freeing separate"
)
"""One clean page taken from the page cache."""

OOM_KILL: Final = Operation("OOM kill", 2_000_000, "assumed: reclaim in vain, choice of the victim, report to the log")
"""One OOM kill apart from the victim's exit."""

# System calls of the administrator

SYSCTL: Final = Operation("write a sysctl", 2000, "assumed: open, write, close")
"""Writing one value under /proc/sys or /sys."""

MOUNT: Final = Operation("mount", 50_000, "assumed: superblock, root inode, mount point")
"""Mounting, or unmounting, an empty file system."""

WAKE_UP: Final = Operation("wake up", 45_000, "recorded: a lone secret page 55-65 us, a lone BPF program 80-107 us")
"""What a secret file or a BPF program costs more after a pause, the releasing of a secret file too (39-59 us):
caches and TLBs hold something else by then. Of other system calls no such difference was recorded."""

COPY_COLD: Final = Operation(
    "copy a page to memory in no cache", 480, "recorded: write(2) of 2 MiB at once into a new tmpfs huge page 495 us"
)
"""What COPY_PAGE costs more where the page was not cleared just before."""

OPERATIONS: Final[tuple[Operation, ...]] = tuple(
    entry for entry in list(globals().values()) if isinstance(entry, Operation)
)
"""The whole table, in the order above."""
