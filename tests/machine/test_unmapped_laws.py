"""Direct map, unmapped cache and secret memory in any order, with failures: all laws after each step."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from memtui.machine import CpuConfig, KernelConfig, Machine, MachineConfig, OutOfMemory
from memtui.machine.core import KernelOwner
from memtui.machine.kernels import DIRECT_MAP, DIRECT_MAP_COLLAPSE, SECRET_MEMORY
from memtui.machine.physical.allocator import GFP_HIGHUSER
from memtui.machine.physical.extents import FrameList
from memtui.machine.secret_pages import OWNER
from memtui.machine.secretmem import SecretFile
from memtui.machine.spray import Spots
from memtui.snapshot import FrameKind
from memtui.units import FRAMES_2M, GIB, PAGE_BYTES
from tests.machine.bench import fail_nth

PLAIN = KernelOwner("plain", FrameKind.KERNEL)
FAIL_AT = st.sampled_from([0, 0, 1, 2, 3, 5, 9])


class UnmappedLaws(RuleBasedStateMachine):
    """Users of the cache, secret files, ordinary frees in marked pageblocks, and pressure."""

    def __init__(self) -> None:
        super().__init__()
        self.lent: list[FrameList] = []
        self.plain: list[FrameList] = []
        self.files: list[SecretFile] = []

    @initialize(
        secret=st.sampled_from(list(SECRET_MEMORY.choices)),
        direct_map=st.sampled_from(list(DIRECT_MAP.choices)),
        collapse=st.sampled_from(list(DIRECT_MAP_COLLAPSE.choices)),
        quirks=st.booleans(),
        gib=st.sampled_from([1, 6]),
    )
    def boot(self, secret: str, direct_map: str, collapse: str, quirks: bool, gib: int) -> None:
        kernel = KernelConfig(
            secret_memory=secret, direct_map=direct_map, direct_map_collapse=collapse, rfc_quirks=quirks, thp="never"
        )
        self.machine = Machine(MachineConfig("laws", gib * GIB, 1, CpuConfig(2), kernel))
        self.cache = self.machine.unmapped_cache

    def attempt(self, operation: Callable[[], None], fail_at: int) -> None:
        if fail_at:
            self.machine.core.allocator.injector = fail_nth(fail_at, always=fail_at == 9)
        try:
            operation()
        except OutOfMemory:
            pass
        finally:
            self.machine.core.allocator.injector = None

    @rule(count=st.sampled_from([1, 3, 511, 700, 2000]), order=st.sampled_from([0, 0, 1, 4, 9]), fail_at=FAIL_AT)
    def take(self, count: int, order: int, fail_at: int) -> None:
        blocks = max(1, count >> order)
        self.attempt(lambda: self.lent.append(self.cache.allocate_many(OWNER, blocks, order)), fail_at)

    @precondition(lambda self: self.lent)
    @rule(place=st.integers(0, 20), part=st.sampled_from([1, 7, 10_000]))
    def give(self, place: int, part: int) -> None:
        held = self.lent[place % len(self.lent)]
        self.cache.free_list(held.take(part), OWNER)
        if not held.frames:
            self.lent.remove(held)

    @rule(frames=st.sampled_from([1, 100, 1000]), fail_at=FAIL_AT)
    def shrink(self, frames: int, fail_at: int) -> None:
        free = self.cache.free_frames
        self.attempt(lambda: self.given_back(free, self.cache.shrink(frames, direct=True)), fail_at)

    def given_back(self, free: int, freed: int) -> None:
        assert self.cache.free_frames == free - freed or self.machine.config.kernel.rfc_quirks

    @rule(count=st.sampled_from([1, 300, 5000]), fail_at=FAIL_AT)
    def take_plain(self, count: int, fail_at: int) -> None:
        """Ordinary memory, some of it in pageblocks that the cache has marked."""
        allocator = self.machine.core.allocator
        self.attempt(lambda: self.plain.append(allocator.allocate_many(PLAIN, GFP_HIGHUSER, count)), fail_at)

    @precondition(lambda self: self.plain)
    @rule()
    def free_plain(self) -> None:
        self.machine.core.allocator.free_list(self.plain.pop(0), PLAIN)

    @rule(
        pages=st.sampled_from([1, 5, FRAMES_2M, 1300]),
        spread=st.booleans(),
        part=st.sampled_from([1, 400, 5000]),
        fail_at=FAIL_AT,
    )
    def memfd_secret(self, pages: int, spread: bool, part: int, fail_at: int) -> None:
        def create() -> None:
            machine = self.machine
            spots = Spots(machine.core.allocator, machine.direct_map, machine.layout.ram, 100_000) if spread else None
            self.files.append(machine.secretmem.create(pages * PAGE_BYTES, spots=spots))
            machine.secretmem.touch(self.files[-1], part)

        self.attempt(create, fail_at)

    @precondition(lambda self: self.files)
    @rule(place=st.integers(0, 20), fail_at=FAIL_AT)
    def touch_the_rest(self, place: int, fail_at: int) -> None:
        file = self.files[place % len(self.files)]
        self.attempt(lambda: self.machine.secretmem.touch(file, file.pages), fail_at)

    @precondition(lambda self: self.files)
    @rule(place=st.integers(0, 20))
    def close(self, place: int) -> None:
        self.machine.secretmem.close(self.files.pop(place % len(self.files)))

    @rule()
    def pressure(self) -> None:
        """A process wants more than is free, and takes it, and ends."""
        process = self.machine.processes.spawn("hog")
        free = self.machine.core.allocator.free_frames + self.cache.free_frames // 2
        self.attempt(lambda: self.fill(process.pid, free), 0)
        self.machine.processes.exit(process)

    def fill(self, pid: int, frames: int) -> None:
        process = next(process for process in self.machine.processes if process.pid == pid)
        process.touch(process.mmap(frames * PAGE_BYTES))

    @invariant()
    def laws_hold(self) -> None:
        if not hasattr(self, "machine"):
            return
        machine = self.machine
        self.cache.check()
        self.machine.direct_map.check()
        self.machine.secretmem.check()
        lent = sum(frames.frames for frames in self.lent)
        of_files = sum(file.frames.frames for file in machine.secretmem.files)
        if machine.config.kernel.secret_memory == "unmapped_cache":
            lent += of_files
        assert self.cache.held_frames == self.cache.free_frames + lent
        absent = machine.direct_map.not_present_frames()
        assert absent == machine.secretmem.removed_frames + self.cache.held_frames - self.cache.mapped_frames
        machine.drain_events()
        machine.take_ns()


TestUnmappedLaws = UnmappedLaws.TestCase
TestUnmappedLaws.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
