"""The meter: machines of other speeds, work in the background, and latencies of operations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memtui.machine import CpuConfig, KernelConfig, Machine, MachineConfig, costs
from memtui.machine.latency import INTERRUPTS, PERMILLE, SPREAD, Histogram, Timed
from memtui.machine.meter import Meter
from memtui.machine.modules import ModuleSizes
from memtui.snapshot import LatencyView, MapRequest
from memtui.units import GIB, MIB, PPM


def latency(meter: Meter, what: Timed) -> LatencyView:
    return next(view for view in meter.latencies() if view.name == what)


@pytest.mark.parametrize(("speed_ppm", "factor"), [(PPM, 1), (PPM // 2, 2), (PPM // 4, 4)])
def test_a_slower_machine_takes_longer_for_everything(speed_ppm: int, factor: int) -> None:
    meter = Meter(4, speed_ppm=speed_ppm)
    meter.charge(costs.FLUSH_ALL, 3)
    assert meter.take_ns() == 3 * costs.FLUSH_ALL.time_ns(4) * factor


def test_a_speed_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="0 millionths of the recorded speed; expected at least 1"):
        Meter(1, speed_ppm=0)


def test_nobody_waits_for_work_in_the_background() -> None:
    meter = Meter(1)
    meter.charge(costs.FAULT)
    with meter.background():
        meter.charge(costs.ZERO_PAGE, 1000)
        with meter.background():
            meter.charge(costs.COPY_PAGE)
    assert meter.take_ns() == costs.FAULT.ns
    assert meter.background_ns == 1000 * costs.ZERO_PAGE.ns + costs.COPY_PAGE.ns


def test_work_in_the_background_is_no_part_of_what_waits() -> None:
    meter = Meter(1)
    with meter.timed(Timed.FORK):
        meter.charge(costs.FORK)
        with meter.daemon(Timed.KSWAPD):
            meter.charge(costs.RECLAIM_PAGE, 7)
    assert latency(meter, Timed.FORK).total_ns == costs.FORK.ns
    assert latency(meter, Timed.KSWAPD).total_ns == 7 * costs.RECLAIM_PAGE.ns


def test_a_failure_leaves_the_meter_in_order() -> None:
    meter = Meter(1)
    with pytest.raises(MemoryError), meter.timed(Timed.MODULE_LOAD), meter.background():
        raise MemoryError
    meter.charge(costs.FAULT)
    assert meter.take_ns() == costs.FAULT.ns
    assert latency(meter, Timed.MODULE_LOAD).operations == 1


def test_what_each_operation_pays_and_what_only_some_do() -> None:
    """A page table for 2 of 1024 faults: two are dearer, by just that."""
    meter = Meter(1)
    with meter.timed(Timed.ANON_FAULT, 1024):
        meter.charge(costs.FAULT, 1024)
        meter.charge(costs.SPLIT_LEAF, 2)
    found = latency(meter, Timed.ANON_FAULT)
    assert found.total_ns == 1024 * costs.FAULT.ns + 2 * costs.SPLIT_LEAF.ns == meter.take_ns()
    dear = (costs.FAULT.ns + costs.SPLIT_LEAF.ns).bit_length() - 1
    assert dict(found.buckets)[dear] == 2


def test_timed_work_inside_holds_up_one_operation() -> None:
    meter = Meter(1)
    with meter.timed(Timed.HUGE_FAULT, 10):
        meter.charge(costs.ALLOC_HUGE_PAGE, 10)
        with meter.timed(Timed.DIRECT_COMPACT):
            meter.charge(costs.MIGRATE_PAGE, 1000)
    found = latency(meter, Timed.HUGE_FAULT)
    assert dict(found.buckets)[(1000 * costs.MIGRATE_PAGE.ns).bit_length() - 1] == 1
    assert found.operations == 10
    assert found.total_ns == meter.take_ns()


def test_more_holdups_than_operations_are_shared_by_all() -> None:
    meter = Meter(1)
    with meter.timed(Timed.FORK):
        for _ in range(3):
            with meter.timed(Timed.COW_FAULT):
                meter.charge(costs.COPY_PAGE)
    assert latency(meter, Timed.FORK).total_ns == 3 * costs.COPY_PAGE.ns


def test_nothing_done_is_nothing_kept() -> None:
    meter = Meter(1)
    with meter.timed(Timed.HUGE_FAULT, 0):
        meter.charge(costs.FAULT)
    assert meter.latencies() == ()
    assert meter.take_ns() == costs.FAULT.ns


def test_the_spread_keeps_the_mean() -> None:
    assert sum(share for share, _ in SPREAD) == PERMILLE
    assert sum(share * factor for share, factor in SPREAD) // PERMILLE == pytest.approx(PERMILLE, abs=1)
    assert sum(length_ns * PPM // period_ns for period_ns, length_ns in INTERRUPTS) < 10_000


@given(st.lists(st.tuples(st.integers(0, 10**8), st.integers(0, 10**7)), max_size=30))
def test_a_histogram_counts_every_operation_once(added: list[tuple[int, int]]) -> None:
    histogram = Histogram()
    for each_ns, count in added:
        histogram.add(each_ns, count)
    found = histogram.view("any")
    assert found.operations == sum(count for _, count in added) == sum(count for _, count in found.buckets)
    assert found.total_ns == sum(each_ns * count for each_ns, count in added)
    assert all(count > 0 for _, count in found.buckets)
    assert [power for power, _ in found.buckets] == sorted({power for power, _ in found.buckets})


def test_one_by_one_gives_the_shares_of_many_at_once() -> None:
    at_once, one_by_one = Histogram(), Histogram()
    at_once.add(7500, 10_000)
    for _ in range(10_000):
        one_by_one.add(7500, 1)
    for (power, count), (other, single) in zip(at_once.view("").buckets, one_by_one.view("").buckets, strict=True):
        assert power == other
        assert count == pytest.approx(single, abs=10)


def small() -> Machine:
    return Machine(MachineConfig("small", 2 * GIB, 1, CpuConfig(2), KernelConfig(thp="always")))


def test_boot_is_no_part_of_the_latencies() -> None:
    assert small().observe(MapRequest()).latencies == ()


def test_a_machine_keeps_the_latency_of_what_it_does() -> None:
    machine = small()
    parent = machine.processes.spawn("parent")
    parent.touch(parent.mmap(8 * MIB, "always"))
    machine.processes.exit(machine.processes.fork(parent))
    machine.modules.load(ModuleSizes(64 * 1024, 4096, 4096))
    machine.bpf.load(500)
    file = machine.secretmem.create(1 * MIB)
    machine.secretmem.touch(file, 256)
    found = {view.name: view for view in machine.observe(MapRequest()).latencies}
    assert found[Timed.HUGE_FAULT].operations == 4
    assert found[Timed.SECRET_FAULT].operations == 256
    for one in (Timed.FORK, Timed.EXIT, Timed.MODULE_LOAD, Timed.BPF_LOAD):
        assert found[one].operations == 1
    assert found[Timed.HUGE_FAULT].mean_ns > 20 * found[Timed.SECRET_FAULT].mean_ns


def test_whoever_closes_a_program_does_not_wait_for_its_memory() -> None:
    machine = small()
    program = machine.bpf.load(2_000_000)
    machine.take_ns()
    machine.bpf.close(program)
    assert machine.take_ns() == costs.BPF_RELEASE.ns
    machine.check()


def test_kswapds_time_is_not_the_allocators() -> None:
    machine = small()
    machine.page_cache.read(machine.page_cache.create(), machine.core.allocator.free_frames - 20_000)
    machine.take_ns()
    owner = machine.processes.spawn("reader")
    owner.touch(owner.mmap(200 * MIB))
    waited_ns, found = machine.take_ns(), {view.name: view for view in machine.observe(MapRequest()).latencies}
    assert found[Timed.KSWAPD].total_ns > 0
    assert machine.core.meter.background_ns >= found[Timed.KSWAPD].total_ns
    assert waited_ns > found[Timed.KSWAPD].total_ns
    machine.check()
