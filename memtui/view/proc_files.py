"""Files of /proc as Linux prints them, from a Snapshot, and what changed in them between two.

The formats are those of fs/proc/meminfo.c, mm/vmstat.c (`vmstat_show`, `frag_show_print`, `pagetypeinfo_show`,
`zoneinfo_show_print`) and mm/slab_common.c (`cache_show`); lines whose counter is not simulated are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from memtui.fields import FIELDS, Source, Unit
from memtui.snapshot import SlabView, Snapshot, TypeView, ZoneDetail, ZoneView
from memtui.units import format_count


class ProcLine(NamedTuple):
    """One line of a file."""

    name: str
    """What it is about: the same line of another moment has the same name."""
    pieces: tuple[str, ...]
    """Its text, in pieces that change by themselves: one for each figure."""
    amount: int | None = None
    """The figure whose change is told; None for a heading."""
    unit: str = ""
    """What the amount counts."""
    told: bool = True
    """Whether its change is told; not where the figures, which stand out when they change, need the width."""

    @property
    def text(self) -> str:
        """The whole line as Linux prints it."""
        return "".join(self.pieces)


class ProcFile(NamedTuple):
    """One file."""

    name: str
    """Below /proc."""
    lines: Callable[[Snapshot], list[ProcLine]]
    widest: int
    """Columns its widest line takes with its change; 0 for one whose lines are never side by side."""
    detailed: bool = False
    """It tells what a Snapshot has only where `MapRequest.zone_details` asked for it."""


class Compared(NamedTuple):
    """A line, what in it differs from the line of another moment, and by how much."""

    line: ProcLine
    changed: frozenset[int]
    """Places of the pieces that differ."""
    change: str
    """The change of its amount, with its unit: `+1 024 kB`; empty where there is none."""


def compare(file: ProcFile, now: Snapshot, then: Snapshot | None) -> list[Compared]:
    """The lines of a file now, each with what changed since another moment; nothing did since None."""
    before = {line.name: line for line in file.lines(then)} if then is not None and then is not now else {}
    return [_compared(line, before.get(line.name, line)) for line in file.lines(now)]


def _compared(line: ProcLine, then: ProcLine) -> Compared:
    if line.pieces == then.pieces:
        return Compared(line, frozenset(), "")
    pairs = enumerate(zip(line.pieces, then.pieces, strict=False))
    changed = frozenset(place for place, (piece, before) in pairs if piece != before)
    change = change_of((line.amount or 0) - (then.amount or 0), line.unit) if line.told else ""
    return Compared(line, changed, change)


def change_of(change: int, unit: str) -> str:
    """A change with its sign and unit: `+1 024 kB`, `−3`; empty for none."""
    if not change:
        return ""
    figure = f"{'+' if change > 0 else '−'}{format_count(abs(change))}"
    return f"{figure} {unit}" if unit else figure


def meminfo(now: Snapshot) -> list[ProcLine]:
    """/proc/meminfo: amounts in kB, pages of the hugetlb pool in pages."""
    lines = []
    for name in _of(Source.MEMINFO, now):
        kb = FIELDS[name].unit is Unit.KB
        unit = " kB" if kb else ""
        pieces = (f"{name + ':':<16}", f"{now.counters[name]:>8}", unit)
        lines.append(ProcLine(name, pieces, now.counters[name], unit.strip()))
    return lines


def vmstat(now: Snapshot) -> list[ProcLine]:
    """/proc/vmstat: a name and a figure on each line."""
    return [
        ProcLine(name, (f"{name} ", str(now.counters[name])), now.counters[name]) for name in _of(Source.VMSTAT, now)
    ]


def buddyinfo(now: Snapshot) -> list[ProcLine]:
    """/proc/buddyinfo: free blocks of each order, zone by zone; the amount is that of free pages."""
    return [_zone(zone) for zone in now.zones]


def _zone(zone: ZoneView) -> ProcLine:
    head = f"Node {zone.node}, zone {zone.name:>8} "
    pages = sum(blocks << order for order, blocks in enumerate(zone.free_blocks))
    return ProcLine(head, (head, *(f"{blocks:>6} " for blocks in zone.free_blocks)), pages, "pages")


_SLAB_HEADS: Final = (
    "slabinfo - version: 2.1",
    "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
    " : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>",
)

_SLAB_ORDER: Final = {
    name: place
    for place, name in enumerate(
        (
            *("shmem_inode_cache", "filp", "inode_cache", "dentry", "vm_area_struct", "files_cache", "signal_cache"),
            *("sighand_cache", "task_struct", "cred", "anon_vma_chain", "anon_vma", "pid", "radix_tree_node"),
            *("maple_node", "mm_struct", "kmalloc-1k"),
        )
    )
}
"""The cache made last is printed first (`kmem_cache_create` adds in front); the order of a running Linux 6.18."""


def slabinfo(now: Snapshot) -> list[ProcLine]:
    """/proc/slabinfo of the caches there are; the amount is that of active objects."""
    if not now.slabs:
        return []
    slabs = sorted(now.slabs, key=lambda slab: _SLAB_ORDER.get(slab.name, len(_SLAB_ORDER)))
    return [*(ProcLine(head, (head,)) for head in _SLAB_HEADS), *map(_slab, slabs)]


def _slab(slab: SlabView) -> ProcLine:
    pieces = (
        f"{slab.name:<17}",
        f" {slab.active_objects:>6}",
        f" {slab.total_objects:>6}",
        f" {slab.object_bytes:>6} {slab.objects_per_slab:>4} {slab.frames_per_slab:>4}",
        f" : tunables {0:>4} {0:>4} {0:>4} : slabdata",
        f" {slab.slabs:>6}",
        f" {slab.slabs:>6}",
        f" {0:>6}",
    )
    return ProcLine(slab.name, pieces, slab.active_objects)


def pagetypeinfo(now: Snapshot) -> list[ProcLine]:
    """/proc/pagetypeinfo: free blocks by type and order, and pageblocks by type; the amounts are free pages, blocks."""
    details = now.zone_details
    if not details:
        return []
    heads = ["Page block order: 9", "Pages per block:  512", ""]
    orders = "".join(f"{order:>6} " for order in range(len(details[0].types[0].free_blocks)))
    free = [_free_of_type(zone, kind) for zone in details for kind in zone.types]
    names = "".join(f"{kind.name:>12} " for kind in details[0].types)
    counts = [_pageblocks(zone) for zone in details]
    return [
        *(ProcLine(f"head {place}", (head,)) for place, head in enumerate(heads)),
        ProcLine("free", (f"{'Free pages count per migrate type at order ':<43} {orders}",)),
        *free,
        ProcLine("", ("",)),
        ProcLine("blocks", (f"{'Number of blocks type ':<23}{names}",)),
        *counts,
    ]


def _free_of_type(zone: ZoneDetail, kind: TypeView) -> ProcLine:
    head = f"Node {zone.node:>4}, zone {zone.name:>8}, type {kind.name:>12} "
    pages = sum(blocks << order for order, blocks in enumerate(kind.free_blocks))
    return ProcLine(head, (head, *(f"{blocks:>6} " for blocks in kind.free_blocks)), pages, "pages", told=False)


def _pageblocks(zone: ZoneDetail) -> ProcLine:
    head = f"Node {zone.node}, zone {zone.name:>8} "
    unmoving = sum(kind.pageblocks for kind in zone.types if kind.name != "Movable")
    return ProcLine(head, (head, *(f"{kind.pageblocks:>12} " for kind in zone.types)), unmoving, "not movable")


def zoneinfo(now: Snapshot) -> list[ProcLine]:
    """/proc/zoneinfo, its statistics left out; every line has its figure."""
    lines: list[ProcLine] = []
    for zone, detail in zip(now.zones, now.zone_details, strict=False):
        name = f"Node {zone.node}, zone {zone.name:>8}"
        lines.append(ProcLine(name, (name,)))
        figures = (
            ("  pages free     ", zone.free_frames),
            ("        boost    ", detail.boost_frames),
            ("        min      ", zone.min_frames + detail.boost_frames),
            ("        low      ", zone.low_frames + detail.boost_frames),
            ("        high     ", zone.high_frames + detail.boost_frames),
            ("        spanned  ", detail.spanned_frames),
            ("        present  ", detail.present_frames),
            ("        managed  ", zone.managed_frames),
        )
        lines += [ProcLine(f"{name}{head}", (head, str(figure)), figure, "pages") for head, figure in figures]
        protection = ", ".join(map(str, detail.protection))
        lines.append(ProcLine(f"{name} protection", (f"        protection: ({protection})",)))
        lines += _page_sets(name, detail)
        lines.append(ProcLine(f"{name} start", (f"  start_pfn:           {detail.start_frame}",)))
    return lines


def _page_sets(name: str, detail: ZoneDetail) -> Iterator[ProcLine]:
    """The CPUs that have lists."""
    yield ProcLine(f"{name} pagesets", ("  pagesets",))
    for pages in detail.page_sets:
        yield ProcLine(f"{name} cpu {pages.cpu}", (f"    cpu: {pages.cpu}",))
        figures = [("count:    ", pages.held), ("high:     ", pages.high), ("batch:    ", pages.batch)]
        if pages.tuned_between is not None:
            figures += zip(("high_min: ", "high_max: "), pages.tuned_between, strict=True)
        for head, figure in figures:
            yield ProcLine(f"{name} cpu {pages.cpu} {head}", (f"              {head}", str(figure)), figure, "pages")


def _of(source: Source, now: Snapshot) -> list[str]:
    """The counters a file has now, in the order Linux prints them."""
    return [name for name, field in FIELDS.items() if field.source is source and name in now.counters]


FILES: Final = (
    ProcFile("meminfo", meminfo, 48),
    ProcFile("vmstat", vmstat, 54),
    ProcFile("buddyinfo", buddyinfo, 0),
    ProcFile("slabinfo", slabinfo, 0),
    ProcFile("pagetypeinfo", pagetypeinfo, 0, detailed=True),
    ProcFile("zoneinfo", zoneinfo, 54, detailed=True),
)
"""The files, in the order one goes through them."""


def file_named(name: str) -> ProcFile:
    """The file of that name, or the first where there is none of it."""
    return next((file for file in FILES if file.name == name), FILES[0])
