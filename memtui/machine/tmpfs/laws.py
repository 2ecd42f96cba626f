"""What must hold of tmpfs at every moment, proved from the files and their mappings."""

from __future__ import annotations

from collections.abc import Iterable

from memtui.machine.errors import FrameStateError
from memtui.machine.tmpfs.coverage import Coverage
from memtui.machine.tmpfs.design import PMD_ORDER
from memtui.machine.tmpfs.files import Huge, Mount, TmpfsFile
from memtui.machine.tmpfs.store import ShmemStore


def check_mount(mount: Mount) -> None:
    """A mount's account is the sum of its files, within its limit; names and lists hold only its own files."""
    used = sum(file.index.pages for file in mount.inodes)
    if used != mount.used_pages or used > mount.limit_pages:
        raise FrameStateError(
            f"{mount.name}: {mount.used_pages} pages charged of {mount.limit_pages}, files have {used}"
        )
    if any(file not in mount.inodes for file in (*mount.files.values(), *mount.ragged)):
        raise FrameStateError(f"{mount.name} lists a file that is gone")
    for file in mount.inodes:
        file.index.check()
        _check_file(file)


def check_store(store: ShmemStore, files: Iterable[TmpfsFile]) -> None:
    """The counts of /proc/meminfo are the sums over the files."""
    frames = huge = mapped = pmd_mapped = nodes = 0
    for file in files:
        frames += file.index.pages
        huge += sum(run.pages for run in file.index if run.order == PMD_ORDER)
        nodes += file.index.nodes
        mapped += file.mapped.covered
        pmd_mapped += file.pmd_mapped.covered
    truth = (frames, huge, mapped, pmd_mapped, nodes)
    counted = (store.frames, store.huge_frames, store.mapped_frames, store.pmd_mapped_frames, store.nodes)
    if truth != counted:
        raise FrameStateError(f"tmpfs counts (frames, huge, mapped, PMD-mapped, nodes) {counted}; files have {truth}")


def _check_file(file: TmpfsFile) -> None:
    if not (file.linked or file.mappings or file.opens):
        raise FrameStateError(f"{file!r} has neither a name, a mapping nor a descriptor")
    if file.mount.huge is Huge.NEVER and any(run.order for run in file.index):
        raise FrameStateError(f"{file!r} has large folios on a mount with huge=never")
    mapped, pmd_mapped = Coverage(), Coverage()
    for mapping in file.mappings:
        for ranges in (mapping.small, mapping.huge):
            for low, high in ranges:
                mapped.add(low, high, 1)
        for low, high in mapping.huge:
            pmd_mapped.add(low, high, 1)
    if (mapped.pieces(), pmd_mapped.pieces()) != (file.mapped.pieces(), file.pmd_mapped.pieces()):
        raise FrameStateError(f"{file!r}: the counts of its mappings are not those of the mappings")
    for low, high, _ in mapped.pieces():
        runs = file.index.overlapping(low, high)
        if sum(min(run.end, high) - max(run.index, low) for run in runs) != high - low:
            raise FrameStateError(f"{file!r}: a page of {low}..{high} is mapped and not there")
    for low, high, _ in pmd_mapped.pieces():
        if any(run.order != PMD_ORDER for run in file.index.overlapping(low, high)):
            raise FrameStateError(f"{file!r}: a page of {low}..{high} is mapped by a 2 MiB entry and not huge")
