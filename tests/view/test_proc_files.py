"""Files of /proc to the letter, and what changed in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memtui.fields import FIELDS, Source
from memtui.snapshot import PageSet, SlabView, Snapshot, TypeView, ZoneDetail, ZoneView
from memtui.view.proc_files import (
    FILES,
    buddyinfo,
    compare,
    file_named,
    meminfo,
    pagetypeinfo,
    slabinfo,
    vmstat,
    zoneinfo,
)
from tests.snapshots import snapshot

ZONES = (
    ZoneView(0, "DMA", 3840, 3840, 8, 10, 12, 3840, (0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 3)),
    ZoneView(
        0, "Normal", 9999, 9999, 8, 10, 12, 9999, (1720, 27236, 13593, 7527, 2732, 1709, 282, 424, 265, 239, 1674)
    ),
)


def moment(counters: dict[str, int] | None = None, **parts: object) -> Snapshot:
    return replace(snapshot(1, counters or {}), **parts)


def test_meminfo_is_printed_as_fs_proc_meminfo_c_prints_it() -> None:
    counters = {"HugePages_Total": 10_240, "MemTotal": 65_908_864, "Hugepagesize": 2048, "ShmemPmdMapped": 0}
    assert [line.text for line in meminfo(moment(counters))] == [
        "MemTotal:       65908864 kB",
        "ShmemPmdMapped:        0 kB",
        "HugePages_Total:   10240",
        "Hugepagesize:       2048 kB",
    ]


def test_vmstat_is_a_name_and_a_figure() -> None:
    counters = {"oom_kill": 1, "nr_free_pages": 7_900_123, "direct_map_level2_splits": 202}
    assert [line.text for line in vmstat(moment(counters))] == [
        "nr_free_pages 7900123",
        "oom_kill 1",
        "direct_map_level2_splits 202",
    ]


def test_buddyinfo_is_printed_as_frag_show_print_prints_it() -> None:
    assert [line.text for line in buddyinfo(moment(zones=ZONES))] == [
        "Node 0, zone      DMA      0      0      0      0      0      0      0      0      1      1      3 ",
        "Node 0, zone   Normal   1720  27236  13593   7527   2732   1709    282    424    265    239   1674 ",
    ]


def test_slabinfo_is_printed_as_cache_show_prints_it_newest_cache_first() -> None:
    slabs = (
        SlabView("anon_vma_chain", 2024, 2432, 64, 64, 1, 38),
        SlabView("vm_area_struct", 3688, 4767, 192, 21, 1, 227),
        SlabView("sighand_cache", 143, 165, 2112, 15, 8, 11),
    )
    assert [line.text for line in slabinfo(moment(slabs=slabs))][2:] == [
        "vm_area_struct      3688   4767    192   21    1 : tunables    0    0    0 : slabdata    227    227      0",
        "sighand_cache        143    165   2112   15    8 : tunables    0    0    0 : slabdata     11     11      0",
        "anon_vma_chain      2024   2432     64   64    1 : tunables    0    0    0 : slabdata     38     38      0",
    ]
    assert slabinfo(moment()) == []


DETAIL = ZoneDetail(
    node=0,
    name="DMA",
    boost_frames=2,
    spanned_frames=4095,
    present_frames=3998,
    protection=(0, 2951, 24205, 24205, 24205),
    start_frame=1,
    page_sets=(PageSet(0, 21, 252, 63, (252, 5903)),),
    types=(
        TypeView("Unmovable", (428, 296, 94, 90, 40, 32, 23, 83, 24, 0, 0), 144),
        TypeView("Movable", (0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3), 4953),
        TypeView("Reclaimable", (0,) * 11, 151),
    ),
)


def test_pagetypeinfo_is_printed_as_pagetypeinfo_show_prints_it() -> None:
    assert [line.text for line in pagetypeinfo(moment(zone_details=(DETAIL,)))] == [
        "Page block order: 9",
        "Pages per block:  512",
        "",
        "Free pages count per migrate type at order       0      1      2      3      4      5      6      7      8"
        "      9     10 ",
        "Node    0, zone      DMA, type    Unmovable    428    296     94     90     40     32     23     83     24"
        "      0      0 ",
        "Node    0, zone      DMA, type      Movable      0      0      0      0      0      0      0      0      0"
        "      1      3 ",
        "Node    0, zone      DMA, type  Reclaimable      0      0      0      0      0      0      0      0      0"
        "      0      0 ",
        "",
        "Number of blocks type     Unmovable      Movable  Reclaimable ",
        "Node 0, zone      DMA          144         4953          151 ",
    ]
    assert pagetypeinfo(moment()) == []


def test_in_pagetypeinfo_figures_stand_out_and_only_changes_of_pageblocks_are_told() -> None:
    kinds = DETAIL.types
    later = DETAIL._replace(types=(kinds[0]._replace(free_blocks=(0,) * 11, pageblocks=150), *kinds[1:]))
    now, then = (moment(zone_details=(detail,)) for detail in (later, DETAIL))
    seen = [(each.line.name, len(each.changed), each.change) for each in compare(file_named("pagetypeinfo"), now, then)]
    assert [each for each in seen if each[1]] == [
        ("Node    0, zone      DMA, type    Unmovable ", 9, ""),
        ("Node 0, zone      DMA ", 1, "+6 not movable"),
    ]


def test_zoneinfo_is_printed_as_zoneinfo_show_print_prints_it_watermarks_with_their_boost() -> None:
    now = moment(zones=ZONES[:1], zone_details=(DETAIL,))
    assert [line.text for line in zoneinfo(now)] == [
        "Node 0, zone      DMA",
        "  pages free     3840",
        "        boost    2",
        "        min      10",
        "        low      12",
        "        high     14",
        "        spanned  4095",
        "        present  3998",
        "        managed  3840",
        "        protection: (0, 2951, 24205, 24205, 24205)",
        "  pagesets",
        "    cpu: 0",
        "              count:    21",
        "              high:     252",
        "              batch:    63",
        "              high_min: 252",
        "              high_max: 5903",
        "  start_pfn:           1",
    ]
    assert zoneinfo(moment(zones=ZONES)) == []
    later = replace(now, zone_details=(DETAIL._replace(boost_frames=514),))
    changes = [each.change for each in compare(file_named("zoneinfo"), later, now) if each.change]
    assert changes == ["+512 pages"] * 4


@pytest.mark.parametrize(("lines", "source"), [(meminfo, Source.MEMINFO), (vmstat, Source.VMSTAT)])
def test_every_counter_of_a_file_has_a_line_in_linuxs_order(lines: object, source: Source) -> None:
    names = [name for name, field in FIELDS.items() if field.source is source]
    assert callable(lines)
    assert [line.name for line in lines(moment(dict.fromkeys(reversed(FIELDS), 1)))] == names


def test_what_changed_is_told_in_the_unit_of_the_line() -> None:
    before = moment({"MemFree": 5000, "MemTotal": 8000, "HugePages_Total": 0})
    after = moment({"MemFree": 1904, "MemTotal": 8000, "HugePages_Total": 10})
    assert [(each.line.name, each.changed, each.change) for each in compare(FILES[0], after, before)] == [
        ("MemTotal", frozenset(), ""),
        ("MemFree", frozenset({1}), "−3 096 kB"),
        ("HugePages_Total", frozenset({1}), "+10"),
    ]


def test_a_zone_tells_its_changed_orders_and_the_change_of_its_free_pages() -> None:
    other = ZONES[0]._replace(free_blocks=(4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 3))
    (each,) = compare(file_named("buddyinfo"), moment(zones=(other,)), moment(zones=ZONES[:1]))
    assert each.changed == {1, 10}
    assert each.change == "−508 pages"


def test_nothing_changed_since_nothing_or_since_now() -> None:
    now = moment({"MemFree": 5000})
    for then in (None, now):
        assert [each.change for each in compare(FILES[0], now, then)] == [""]


def test_a_line_that_was_not_there_before_has_no_change() -> None:
    (each,) = compare(FILES[0], moment({"MemFree": 5000}), moment({"MemTotal": 1}))
    assert (each.changed, each.change) == (frozenset(), "")


def test_an_unknown_file_is_the_first() -> None:
    assert [file_named(name).name for name in ("", "slabinfo", "cpuinfo")] == ["meminfo", "slabinfo", "meminfo"]
