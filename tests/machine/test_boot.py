"""Boot as recorded: MemTotal, the memmap and the direct map of real guests of Linux 7.2."""

from __future__ import annotations

import pytest

from memtui.machine import CpuConfig, Machine, MachineConfig, kernels
from memtui.machine.errors import MachineStopped
from memtui.machine.geometry import SECTION_FRAMES, ZoneLayout
from memtui.machine.memmap_backing import memmap_frames
from memtui.machine.memmap_boot import SECTION_MEMMAP_FRAMES
from memtui.machine.physical.frame_map import FrameMap
from memtui.machine.physical.zone import Zone, default_min_free_kbytes
from memtui.units import FRAMES_1G, FRAMES_2M, GIB, KIB, MIB, PAGE_BYTES, TIB

GUESTS = {
    1: (984832, 4096, (22400, 1026048, 0)),
    4: (4010488, 16384, (22400, 3123200, 3145728)),
    8: (8133108, 32768, (22400, 3123200, 7340032)),
    64: (65849788, 262144, (22400, 3123200, 66060288)),
    256: (263932152, 1048576, (22396, 3123200, 267386880)),
}
"""GiB → MemTotal kB, nr_memmap_boot_pages, DirectMap4k/2M/1G kB (recordings guest-7.2-boot-*)."""


def guest(ram_gib: int, **cpu: bool) -> Machine:
    return Machine(MachineConfig("guest", ram_gib * GIB, 1, CpuConfig(1, gbpages=cpu.get("gbpages", True))))


@pytest.mark.parametrize("ram_gib", GUESTS)
def test_boot_matches_the_recorded_guest(ram_gib: int) -> None:
    machine = guest(ram_gib)
    mem_total, memmap, direct_map = GUESTS[ram_gib]
    seen = machine.counters()
    assert seen["nr_memmap_boot_pages"] == memmap
    assert abs(seen["MemTotal"] - mem_total) <= 8
    assert abs(seen["DirectMap4k"] - direct_map[0]) <= 4
    assert (seen["DirectMap2M"], seen["DirectMap1G"]) == direct_map[1:]
    machine.check()


def test_without_gbpages_the_direct_map_adds_up_to_the_ram() -> None:
    """Recordings, Boot: CPU without 1G leaves, all 2M; RAM less the firmware's 128 kB."""
    seen = guest(8, gbpages=False).counters()
    assert seen["DirectMap1G"] == 0
    assert seen["DirectMap4k"] + seen["DirectMap2M"] == 8 * MIB - 128


@pytest.mark.parametrize(
    ("version", "plain_kb", "five_levels_kb"), [("6.1", 8132024, 8130004), ("7.2", 8133108, 8131088)]
)
def test_five_levels_take_what_the_recorded_guests_lost(version: str, plain_kb: int, five_levels_kb: int) -> None:
    """Recordings guest-*-boot-8G and guest-*-boot-8G-la57: MemTotal -2020 kB."""
    kernel = kernels.KERNELS[version]
    configs = [MachineConfig("guest", 8 * GIB, 1, CpuConfig(1, la57=la57), kernel) for la57 in (False, True)]
    four, five = (Machine(config).counters() for config in configs)
    assert four["MemTotal"] - five["MemTotal"] == plain_kb - five_levels_kb == 2020
    assert [four[name] for name in ("DirectMap4k", "DirectMap2M", "DirectMap1G")] == [
        five[name] for name in ("DirectMap4k", "DirectMap2M", "DirectMap1G")
    ]


def test_five_levels_reach_4_pib() -> None:
    machine = Machine(MachineConfig("huge", 4096 * TIB, 1, CpuConfig(1, la57=True)))
    assert machine.memmap.full_frames * 4096 == 64 * TIB
    machine.check()
    with pytest.raises(MachineStopped, match=r"expected 64.0 MiB to 64.0 TiB"):
        Machine(MachineConfig("huge", 4096 * TIB, 1, CpuConfig(1)))


def test_golden_1_struct_pages_are_1_5625_percent() -> None:
    seen = guest(64).memmap.full_frames
    assert seen * 1_000_000 // (64 * GIB // 4096) == 15625


@pytest.mark.parametrize(
    ("ram", "memmap"), [(TIB, 16 * GIB), (2 * TIB, 32 * GIB), (8 * TIB, 128 * GIB), (64 * TIB, TIB)]
)
def test_golden_2_and_3_memmap_of_large_machines(ram: int, memmap: int) -> None:
    machine = Machine(MachineConfig("large", ram, 1))
    assert machine.memmap.full_frames * 4096 == memmap
    assert machine.counters()["nr_memmap_boot_pages"] * 4096 == memmap


def test_golden_4_a_section_fills_one_2m_leaf_of_vmemmap() -> None:
    assert SECTION_FRAMES * 4096 == 128 * MIB
    assert SECTION_MEMMAP_FRAMES == FRAMES_2M


def test_golden_5_6_sections_per_tib_and_the_vmemmap_window() -> None:
    assert TIB // (SECTION_FRAMES * 4096) == 8192
    assert (1 << 46) // (SECTION_FRAMES * 4096) == 524288
    assert (64 * TIB) // 4096 * 64 == TIB


def test_golden_7_8_9_struct_pages_per_frame_and_page() -> None:
    assert FRAMES_2M // memmap_frames(FRAMES_2M) == 64
    assert (FRAMES_2M, memmap_frames(FRAMES_2M), FRAMES_2M - 1) == (512, 8, 511)
    assert (FRAMES_1G, memmap_frames(FRAMES_1G), FRAMES_1G - 1) == (262144, 4096, 262143)


@pytest.mark.parametrize(
    ("ram", "kbytes"),
    [(16 * GIB, 16384), (64 * GIB, 32768), (256 * GIB, 65536), (TIB, 131072), (4 * TIB, 262144), (64 * TIB, 262144)],
)
def test_golden_45_min_free_kbytes(ram: int, kbytes: int) -> None:
    assert default_min_free_kbytes(ram // KIB) == kbytes


def test_golden_46_marks_of_a_1_tib_zone_lie_268435_frames_apart() -> None:
    zone = Zone.build(ZoneLayout(0, "Normal", 0, TIB // PAGE_BYTES), FrameMap())
    zone.managed_frames = TIB // PAGE_BYTES
    zone.set_marks(131_072 * KIB // PAGE_BYTES)
    marks = zone.marks
    assert (marks.low - marks.min, marks.high - marks.low) == (268_435, 268_435)


def test_khugepaged_raises_min_free_kbytes() -> None:
    """set_recommended_min_free_kbytes: 512 pages × 3 zones × (2 + 3 × 3)."""
    assert guest(8).min_free_kbytes == 512 * 3 * 11 * 4


@pytest.mark.parametrize("ram", [3 * KIB, 32 * MIB, 65 * TIB])
def test_a_machine_that_cannot_boot_says_so(ram: int) -> None:
    with pytest.raises(MachineStopped, match="cannot boot"):
        Machine(MachineConfig("odd", ram, 1))


def test_the_smallest_machine_boots() -> None:
    Machine(MachineConfig("tiny", 64 * MIB, 1)).check()


@pytest.mark.parametrize("nodes", [1, 2, 3, 8])
@pytest.mark.parametrize("ram", [2 * GIB, 5 * GIB, 64 * GIB + 4096])
def test_any_layout_obeys_the_laws(ram: int, nodes: int) -> None:
    machine = Machine(MachineConfig("odd", ram, nodes))
    machine.check()
    assert sum(frames for _, frames in machine.owners()) == machine.layout.ram_frames
