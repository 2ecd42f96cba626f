"""tmpfs and page cache as a state machine: any order of calls, failures injected, all laws after each step."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from memtui.machine.errors import NoSpace, OutOfMemory
from memtui.machine.page_cache import CachedFile, PageCache
from memtui.machine.page_tables import PageTables
from memtui.machine.reclaim import Reclaim
from memtui.machine.slab import SlabCaches
from memtui.machine.tmpfs.files import Mount, TmpfsFile
from memtui.machine.tmpfs.mapping import FileMapping
from memtui.machine.tmpfs.multi_order import MultiOrder
from memtui.machine.tmpfs.tmpfs import Tmpfs
from memtui.units import KIB, MIB
from tests.machine.bench import check_frames, small_core

HUGE = st.sampled_from(["never", "always", "within_size", "advise"])
PLACES = st.sampled_from([0, 1, 4096, 100 * KIB, MIB, 2 * MIB - 4096, 2 * MIB, 3 * MIB, 7 * MIB])
SIZES = st.sampled_from([1, 4096, 5000, 64 * KIB, MIB, 2 * MIB, 2200 * KIB, 5 * MIB, 20 * MIB])
FAIL = st.sampled_from([0, 0, 0, 1, 2, 3, 4, 6, 9])


class TmpfsLaws(RuleBasedStateMachine):
    """Mounts, files, mappings and page cache on a machine of 96 MiB, where memory does run out."""

    @initialize(huge=HUGE)
    def boot(self, huge: str) -> None:
        self.core = small_core(96 * MIB)
        self.slabs = SlabCaches(self.core)
        self.cache = PageCache(self.core, self.slabs)
        self.tmpfs = Tmpfs(self.core, self.slabs, MultiOrder)
        self.reclaim = Reclaim(self.core, self.cache, self.tmpfs, self.slabs)
        self.cached: list[CachedFile] = []
        self.mappings: list[FileMapping] = []
        self.tables: list[PageTables] = []
        for number, (option, size) in enumerate((("always", 500 * MIB), (huge, 9 * MIB))):
            self.tmpfs.create(self.tmpfs.mount(str(number), option, size), "a")

    def attempt(self, operation: Callable[[], object], fail_at: int) -> None:
        """Runs an operation whose `fail_at`th allocation and all after it fail (0: none does)."""
        calls = iter(range(1, 1_000_000))
        if fail_at:
            self.core.allocator.injector = lambda order, count: next(calls) >= fail_at
        try:
            operation()
        except (OutOfMemory, NoSpace):
            pass
        finally:
            self.core.allocator.injector = None

    def a_mount(self, place: int) -> Mount:
        mounts = list(self.tmpfs.mounts.values())
        return mounts[place % len(mounts)]

    def a_file(self, place: int) -> TmpfsFile:
        files = [file for mount in self.tmpfs.mounts.values() for file in mount.files.values()]
        return files[place % len(files)]

    @property
    def has_mounts(self) -> bool:
        return bool(self.tmpfs.mounts)

    @property
    def has_files(self) -> bool:
        return any(mount.files for mount in self.tmpfs.mounts.values())

    @precondition(lambda self: len(self.tmpfs.mounts) < 4)
    @rule(huge=HUGE, size=st.sampled_from([100 * KIB, 9 * MIB, 500 * MIB]), fail_at=st.integers(0, 2))
    def mount(self, huge: str, size: int, fail_at: int) -> None:
        name = next(str(number) for number in range(5) if str(number) not in self.tmpfs.mounts)
        self.attempt(lambda: self.tmpfs.mount(name, huge, size), fail_at)

    @precondition(lambda self: self.has_mounts)
    @rule(place=st.integers(0, 9), name=st.sampled_from("abc"), fail_at=st.integers(0, 2))
    def create(self, place: int, name: str, fail_at: int) -> None:
        self.attempt(lambda: self.tmpfs.create(self.a_mount(place), name), fail_at)

    @precondition(lambda self: self.has_files)
    @rule(place=st.integers(0, 9), offset=PLACES, size=SIZES, chunk=st.sampled_from([None, 4096, 65536]), fail_at=FAIL)
    def write(self, place: int, offset: int, size: int, chunk: int | None, fail_at: int) -> None:
        file = self.a_file(place)
        before = file.size_bytes

        def write() -> None:
            written = self.tmpfs.write(file, offset, size, chunk)
            assert 0 < written <= size
            assert file.size_bytes == max(before, offset + written)

        self.attempt(write, fail_at)

    @precondition(lambda self: self.has_files)
    @rule(place=st.integers(0, 9), size=st.one_of(PLACES, SIZES), fail_at=FAIL)
    def truncate(self, place: int, size: int, fail_at: int) -> None:
        file = self.a_file(place)
        self.attempt(lambda: self.tmpfs.truncate(file, size), fail_at)
        assert file.size_bytes == size

    @precondition(lambda self: self.has_files)
    @rule(place=st.integers(0, 9), offset=PLACES, size=SIZES, fail_at=FAIL)
    def punch(self, place: int, offset: int, size: int, fail_at: int) -> None:
        file = self.a_file(place)
        before = file.size_bytes
        self.attempt(lambda: self.tmpfs.punch(file, offset, size), fail_at)
        assert file.size_bytes == before

    @precondition(lambda self: sum(len(mount.files) for mount in self.tmpfs.mounts.values()) > 2)
    @rule(place=st.integers(0, 9))
    def unlink(self, place: int) -> None:
        self.tmpfs.unlink(self.a_file(place))

    @precondition(lambda self: len(self.tmpfs.mounts) > 2)
    @rule(place=st.integers(0, 9))
    def unmount(self, place: int) -> None:
        self.tmpfs.unmount(self.a_mount(place))

    @precondition(lambda self: self.has_files and len(self.mappings) < 6)
    @rule(
        place=st.integers(0, 9),
        first=st.sampled_from([0, 1, 512, 700]),
        pages=st.sampled_from([1, 512, 1024, 1500]),
        off_by=st.sampled_from([0, 0, 1, 16]),
        advised=st.booleans(),
    )
    def map(self, place: int, first: int, pages: int, off_by: int, advised: bool) -> None:
        tables = PageTables(self.core)
        self.tables.append(tables)
        virtual = 0x7F000000 + first + off_by
        self.mappings.append(self.tmpfs.map(self.a_file(place), tables, virtual, first, pages, advised=advised))

    @precondition(lambda self: self.mappings)
    @rule(place=st.integers(0, 9), start=st.integers(0, 1500), pages=st.integers(1, 1500), fail_at=FAIL)
    def touch(self, place: int, start: int, pages: int, fail_at: int) -> None:
        mapping = self.mappings[place % len(self.mappings)]
        start += mapping.first

        def touch() -> None:
            end = self.tmpfs.touch(mapping, start, start + pages)
            assert all(mapping.is_mapped(page) for page in range(start, end))

        self.attempt(touch, fail_at)

    @precondition(lambda self: self.mappings)
    @rule(place=st.integers(0, 9))
    def unmap(self, place: int) -> None:
        mapping = self.mappings.pop(place % len(self.mappings))
        self.tmpfs.unmap(mapping)
        self.tables.remove(mapping.tables)
        mapping.tables.release()

    @precondition(lambda self: len(self.cached) < 2)
    @rule(pages=st.sampled_from([1, 100, 5000, 30000]), dirty=st.integers(0, 3000), fail_at=FAIL)
    def page_cache(self, pages: int, dirty: int, fail_at: int) -> None:
        file = self.cache.create()
        self.cached.append(file)
        self.attempt(lambda: self.cache.read(file, pages), fail_at)
        self.cache.overwrite(file, min(dirty, file.frames))

    @precondition(lambda self: self.cached)
    @rule(place=st.integers(0, 9))
    def delete_cached(self, place: int) -> None:
        self.cache.delete(self.cached.pop(place % len(self.cached)))

    @rule(value=st.integers(1, 3), fail_at=FAIL)
    def drop_caches(self, value: int, fail_at: int) -> None:
        self.attempt(lambda: self.reclaim.drop_caches(value), fail_at)

    @invariant()
    def laws_hold(self) -> None:
        self.tmpfs.check()
        self.cache.check()
        self.slabs.check_objects(self.tmpfs.objects(), self.cache.objects())
        self.slabs.check()
        for tables in self.tables:
            tables.check()
        claims = [tables.claims() for tables in self.tables]
        check_frames(self.core, self.tmpfs.claims(), self.cache.claims(), self.slabs.claims(), *claims)
        assert self.tmpfs.pmd_mapped_frames <= min(self.tmpfs.huge_frames, self.tmpfs.mapped_frames)
        assert self.tmpfs.mapped_frames <= self.tmpfs.frames

    def teardown(self) -> None:
        """Everything is given back."""
        for mapping in self.mappings:
            self.tmpfs.unmap(mapping)
        for tables in self.tables:
            tables.release()
        for mount in list(self.tmpfs.mounts.values()):
            self.tmpfs.unmount(mount)
        for file in self.cached:
            self.cache.delete(file)
        assert self.core.allocator.free_frames == self.core.allocator.managed_frames


TestTmpfsLaws = TmpfsLaws.TestCase
TestTmpfsLaws.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
