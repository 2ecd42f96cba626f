"""A tmpfs on a small machine, and the law that no frame is lost."""

from __future__ import annotations

from memtui.machine.core import Core
from memtui.machine.page_tables import PageTables
from memtui.machine.slab import SlabCaches
from memtui.machine.tmpfs.files import Mount, TmpfsFile
from memtui.machine.tmpfs.mapping import FileMapping
from memtui.machine.tmpfs.multi_order import MultiOrder
from memtui.machine.tmpfs.tmpfs import Tmpfs
from memtui.units import GIB, KIB
from tests.machine.bench import check_frames, small_core

KB = KIB // 1024


class Bench:
    """Core, slabs and tmpfs; counters in the units of the recordings."""

    def __init__(self, ram_bytes: int = GIB, *, reclaim: bool = False, design: type[MultiOrder] = MultiOrder) -> None:
        self.core: Core = small_core(ram_bytes)
        self.slabs = SlabCaches(self.core)
        self.tmpfs = Tmpfs(self.core, self.slabs, design)
        self.tables: list[PageTables] = []
        if reclaim:
            self.core.allocator.shrinkers = [self.tmpfs]

    @property
    def shmem_kb(self) -> int:
        """Shmem."""
        return self.tmpfs.frames * 4

    @property
    def huge_kb(self) -> int:
        """ShmemHugePages."""
        return self.tmpfs.huge_frames * 4

    @property
    def pmd_kb(self) -> int:
        """ShmemPmdMapped."""
        return self.tmpfs.pmd_mapped_frames * 4

    @property
    def mapped_kb(self) -> int:
        """Mapped."""
        return self.tmpfs.mapped_frames * 4

    @property
    def free_kb(self) -> int:
        """MemFree."""
        return self.core.allocator.free_frames * 4

    def event(self, name: str) -> int:
        """A count of /proc/vmstat."""
        return self.core.vm_events[name]

    def file(self, huge: str, name: str = "f") -> TmpfsFile:
        """A new file on a mount with this huge= (the mount has the same name)."""
        mount = self.tmpfs.mounts.get(huge) or self.tmpfs.mount(huge, huge)
        return self.tmpfs.create(mount, name)

    def map(self, file: TmpfsFile, kb: int, *, off_by: int = 0, advised: bool = False) -> FileMapping:
        """A process maps the first `kb` of a file, 2 MiB aligned or some pages off."""
        tables = PageTables(self.core)
        self.tables.append(tables)
        return self.tmpfs.map(file, tables, 0x7F0000000 + off_by, 0, kb // 4, advised=advised)

    def touch_all(self, mapping: FileMapping) -> int:
        """Writes to every page of a mapping."""
        return self.tmpfs.touch(mapping, mapping.first, mapping.end)

    def orders(self, file: TmpfsFile) -> list[int]:
        """The order of every folio of a file, first to last."""
        return [run.order for run in file.index for _ in range(run.folios)]

    def check(self) -> None:
        """All laws."""
        self.tmpfs.check()
        self.slabs.check()
        for tables in self.tables:
            tables.check()
        assert self.slabs.active("radix_tree_node") == self.tmpfs.nodes
        inodes = sum(1 + len(mount.inodes) for mount in self.mounts())
        assert self.slabs.active("shmem_inode_cache") == self.slabs.active("dentry") == inodes
        claims = [tables.claims() for tables in self.tables]
        check_frames(self.core, self.tmpfs.claims(), self.slabs.claims(), *claims)

    def mounts(self) -> list[Mount]:
        """The mounts that have a name."""
        return list(self.tmpfs.mounts.values())
