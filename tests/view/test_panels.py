"""Each panel by itself: the words of its figures, and that it keeps to its space at any size."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memtui.fields import FIELDS
from memtui.snapshot import Event, LatencyView, MapRequest, Snapshot, TlbView, VmemmapView, WorkloadView, ZoneView
from memtui.timeline import Timeline
from memtui.units import GIB, SECOND
from memtui.view.catalogue import PANELS, digit, merged, panel
from memtui.view.cells import plain, row_width
from memtui.view.glyphs import ASCII, UNICODE
from memtui.view.header import one_line
from memtui.view.help import keys_help, panel_help
from memtui.view.layout import lay_out
from memtui.view.panels.event_list import folded
from memtui.view.scene import Panel, PlayState, Scene, Status
from memtui.view.tokens import Token
from tests.fake_source import FakeSource, snapshot_at
from tests.snapshots import snapshot
from tests.view.pictures import desk_at, picture, scene_at

NAMES = [entry.name for entry in PANELS]


def scene_of(now: Snapshot, events: tuple[Event, ...] = ()) -> Scene:
    timeline = Timeline()
    timeline.append(now)
    return Scene(FakeSource().info, now, timeline, events)


def words(name: str, scene: Scene, width: int, height: int) -> str:
    return plain(panel(name).draw(scene, width, height, UNICODE).rows)


@pytest.fixture(scope="module")
def tour() -> Scene:
    return scene_at("12.48", lay_out(120, 40, None, "tlb"))


def test_direct_map_figures(tour: Scene) -> None:
    lines = words("direct-map", tour, 56, 13).split("\n")
    assert lines[0].split()[-4:] == ["54.0", "GiB", "84", "%"]
    assert lines[2].split()[-4:] == ["416", "MiB", "1", "%"]
    assert lines[3] == "splits 1G→2M 3  2M→4K 202  collapses 12  tables 820 KiB"
    assert lines[4] == "by memfd_secret 198  load_module 7"
    assert lines[5].endswith("█ 4K share, max 0.63 %")


def boot_counts_twice(scene: Scene) -> Scene:
    """The same moment on a machine that counted 2 GiB of the direct map twice at boot."""
    counters = {**scene.now.counters, "DirectMap1G": scene.now.counters["DirectMap1G"] + (2 * GIB >> 10)}
    return replace(scene, now=replace(scene.now, counters=counters))


def test_what_linux_counted_twice_at_boot_does_not_add_to_the_bars(tour: Scene) -> None:
    twice = boot_counts_twice(tour)
    assert words("direct-map", twice, 56, 13) == words("direct-map", tour, 56, 13)
    desk = (Status(PlayState.LIVE, 1.0), (), 40, UNICODE)
    assert one_line(twice, *desk) == one_line(tour, *desk)


def test_enlarged_the_direct_map_gives_the_counters_and_says_what_they_count_twice(tour: Scene) -> None:
    lines = words("direct-map", boot_counts_twice(tour), 116, 30).split("\n")
    assert lines[4] == "/proc/meminfo  DirectMap1G 58 720 256 kB  DirectMap2M 10 059 776 kB  DirectMap4k 425 984 kB"
    assert lines[5] == "DirectMap1G counts 2.00 GiB twice at boot, as Linux does"
    assert "twice" not in words("direct-map", tour, 116, 30)


def test_a_machine_without_1g_leaves_has_no_bar_for_them() -> None:
    now = snapshot_at(SECOND, MapRequest())
    counters = {name: value for name, value in now.counters.items() if name != "DirectMap1G"}
    lines = words("direct-map", scene_of(replace(now, counters=counters, tlb=TlbView("none"))), 56, 13).split("\n")
    assert lines[0].startswith("2M ")
    assert lines[0].endswith(">99 %")


def test_vmemmap_figures(tour: Scene) -> None:
    lines = words("vmemmap", tour, 56, 13).split("\n")
    assert lines[:4] == [
        "struct pages 1.00 GiB → 744 MiB  1.56 % → 1.14 % of RAM",
        "given back 280 of 320 MiB  by 10 240 pages of 2M",
        "split tables 640 KiB  to free all 280 MiB ✓",
        "pool 10 240 × 2 MiB  10 240 free",
    ]


def test_vmemmap_says_when_the_pool_cannot_be_freed_in_one_go(tour: Scene) -> None:
    view = tour.now.vmemmap
    view = view._replace(restore_possible=False, available_frames=view.restore_frames - 25_600, optimised_1g=3)
    text = words("vmemmap", replace(tour, now=replace(tour.now, vmemmap=view)), 56, 13)
    assert "to free all 280 MiB · 100 MiB short" in text
    assert "by 10 240 pages of 2M, 3 of 1G" in text


def test_vmemmap_with_nothing_optimised() -> None:
    now = replace(snapshot_at(0, MapRequest()), vmemmap=VmemmapView(262_144, 262_144, 0, 0, 0, 0, True, 9))
    text = words("vmemmap", scene_of(now), 56, 13)
    assert "given back 0 B  no optimised huge pages" in text
    assert "to free all" not in text


def test_tlb_figures(tour: Scene) -> None:
    lines = words("tlb", tour, 56, 12).split("\n")
    assert lines[0].split() == ["skylake-sp", "reach,", "log", "scale"]
    assert [line.split()[-2:] for line in lines[1:8]] == [
        ["256", "KiB"],
        ["64.0", "MiB"],
        ["4.00", "GiB"],
        ["6.00", "MiB"],
        ["3.00", "GiB"],
        ["16.0", "GiB"],
        ["18.0", "GiB"],
    ]
    assert lines[4].startswith("L2  4K┐    9/1536 ")
    assert lines[5].startswith("    2M┘ 1024/1536 ")
    assert lines[-3] == "● direct map      71.9 %  26.0   +16.6    18.0 %   +3.25"
    assert lines[-1] == "flushes 345 ms – 2.76 s  splits −3.00 to +12.0 ms/s"


def test_tlb_bars_share_one_log_scale(tour: Scene) -> None:
    lines = words("tlb", tour, 56, 12).split("\n")
    lengths = [line.count("█") for line in lines[1:8]]
    by_reach = sorted(range(7), key=lambda place: (256, 65_536, 4 << 20, 6_144, 3 << 20, 16 << 20, 18 << 20)[place])
    assert [lengths[place] for place in by_reach] == sorted(lengths)
    assert len({line.index("┊") for line in lines[1:8]}) == 1


def test_tlb_says_what_accesses_pay_even_where_there_is_no_room_for_the_table(tour: Scene) -> None:
    assert "miss 71.9 % +16.6 cycles" in words("tlb", tour, 36, 8)


def test_tlb_of_a_machine_that_has_none() -> None:
    now = replace(snapshot_at(0, MapRequest()), tlb=TlbView("none"))
    assert words("tlb", scene_of(now), 56, 12).startswith("none")


def test_memory_figures(tour: Scene) -> None:
    lines = words("memory", tour, 56, 12).split("\n")
    assert lines[0].startswith("node 0 DMA    ┆█")
    assert lines[1].startswith("       DMA32  ┆█")
    assert lines[3].startswith("node 1 Normal ┆█")
    assert lines[3].endswith("13.7 of 30.0 GiB")
    assert lines[4] == "MemFree 29.5 GiB  MemAvailable 31.0 GiB  below 2M 5 %"
    assert lines[5] == "fragmentation 2M none 4M 0.31  per-CPU lists 20.3 MiB"
    assert lines[6].split() == ["order", *map(str, range(11))]
    assert lines[8].split() == ["blocks", "2k", "764", "764", "764", "764", "763", "763", "760", "757", "754", "7k"]
    assert lines[9].count("B") == 26
    assert lines[10].startswith("B free 29.5 GiB  G hugetlb 20.0 GiB  s tmpfs 11.4 GiB")


@pytest.mark.parametrize(
    ("free", "words", "token"),
    [(999, "", Token.GAUGE), (24, " below low ", Token.NOTICE), (19, " below min ", Token.BAD)],
)
def test_gauges_say_which_watermark_they_fell_below(free: int, words: str, token: Token) -> None:
    zone = ZoneView(0, "Normal", 1000, free, 20, 25, 30, free, (0,) * 11)
    spans = panel("memory").draw(scene_of(snapshot(0, zones=(zone,))), 56, 12, UNICODE).rows[0]
    assert token in {span.token for span in spans}
    assert words in plain([spans])
    assert row_width(spans) == 56


def test_gauges_line_up_and_never_touch_their_figures_whatever_the_units() -> None:
    figures = ("400 KiB of 7.81 MiB", "79.5 MiB of 2.88 GiB", "36.0 KiB of 2.88 GiB")
    frees = ((100, 2000), (20_352, 755_000), (9, 755_000))
    zones = tuple(ZoneView(0, "Normal", whole, free, 20, 25, 30, free, (0,) * 11) for free, whole in frees)
    for width in (36, 46, 56, 116):
        lines = words("memory", scene_of(snapshot(0, zones=zones)), width, 12).split("\n")[:3]
        starts = {line.index("┆") for line in lines}
        assert len(starts) == 1
        assert [line for line, size in zip(lines, figures, strict=True) if f" {size}" not in line] == []
        assert len({line.index(size) + len(size) for line, size in zip(lines, figures, strict=True)}) == 1


def test_wide_gauges_give_their_watermarks_as_figures(tour: Scene) -> None:
    lines = words("memory", tour, 116, 35).split("\n")
    assert lines[3].endswith("13.7 of 30.0 GiB  min/low/high 61.4 MiB/76.8 MiB/92.1 MiB  least 12.3 GiB")
    assert lines[0].endswith("min/low/high 32.0 KiB/40.0 KiB/48.0 KiB  least 13.5 MiB")


def test_narrower_gauges_have_their_watermarks_in_rows_below_where_there_is_room(tour: Scene) -> None:
    lines = words("memory", tour, 76, 34).split("\n")
    (head,) = [place for place, line in enumerate(lines) if line.startswith("watermarks")]
    assert lines[head].split() == ["watermarks", "min", "low", "high", "least", "free"]
    assert lines[head + 4].split() == ["1", "Normal", "61.4", "MiB", "76.8", "MiB", "92.1", "MiB", "12.3", "GiB"]
    assert "watermarks" not in words("memory", tour, 76, 19)


@pytest.mark.parametrize(
    "size", [(120, 40, None), (200, 60, None), (80, 24, None), (80, 24, "memory"), (40, 20, "memory")]
)
def test_a_gauge_is_explained_in_the_frame_at_every_size(size: tuple[int, int, str | None]) -> None:
    text = "\n".join(picture(desk_at("12.48", size[0], size[1], only=size[2])))
    assert "█ free  ▒ once in use" in text


def test_between_what_was_always_free_and_what_is_now_a_gauge_is_fainter() -> None:
    zone = ZoneView(0, "Normal", 1000, 800, 20, 25, 30, 300, (0,) * 11)
    line = words("memory", scene_of(snapshot(0, zones=(zone,))), 56, 12).split("\n")[0]
    bar = line[14:].split(" ")[0]
    assert bar[0] == "┆"
    assert (bar.count("█") + 1) / len(bar) == pytest.approx(0.3, abs=0.05)
    assert bar.count("▒") / len(bar) == pytest.approx(0.5, abs=0.05)
    assert bar.count("░") / len(bar) == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize(("width", "height"), [(116, 34), (196, 54), (76, 19)])
def test_enlarged_free_memory_and_blocks_by_order_are_drawn_over_time(tour: Scene, width: int, height: int) -> None:
    lines = words("memory", tour, width, height).split("\n")
    assert len(lines) <= height
    assert any(line.startswith("MemFree, max ") and "free blocks" in line for line in lines)
    assert any("below 2M, max 5.30 %" in line and "fragmentation 4M, max 0.31" in line for line in lines) is (
        height == 54
    )


def test_pools_of_other_sizes_show_in_what_hugetlb_holds() -> None:
    now = snapshot_at(3 * SECOND, MapRequest())
    counters = {**now.counters, "Hugetlb": 4 << 30}
    assert "hugetlb 4.00 TiB  pool 10 240 × 2 MiB" in words(
        "vmemmap", scene_of(replace(now, counters=counters)), 56, 13
    )


def test_zones_that_have_no_room_are_counted_and_the_lowest_is_named() -> None:
    zones = tuple(ZoneView(node, "Normal", 1000, 900 - node * 50, 2, 3, 4, 0, (0,) * 11) for node in range(16))
    text = words("memory", scene_of(snapshot(0, zones=zones)), 56, 12)
    assert "… 8 more, least free: n15 Normal 15 %" in text


def test_a_snapshot_without_counters_shows_nothing_rather_than_a_wrong_number() -> None:
    scene = scene_of(snapshot(0))
    for name in NAMES:
        drawn = words(name, scene, 56, 13)
        assert "MemFree" not in drawn
        assert "splits" not in drawn
        assert "pool" not in drawn


def test_events_newest_first_with_what_runs_above(tour: Scene) -> None:
    lines = words("events", tour, 116, 6).split("\n")
    assert (
        lines[0]
        == f"{'▶ fork_storm 69 of 100 children   next 14.000s tmpfs_write /mnt/huge/f 1 GiB':<94}73 events  filter: all"
    )
    assert lines[1].startswith("  12.450s  fork_storm     child 69: 1 024 pages copied, anon_vma +1 ")
    assert lines[1].endswith(" +67 more")
    assert lines[2].startswith("   9.050s  fork_storm     child 1: 1 024 pages copied")
    assert lines[3].startswith("   8.000s▲ memfd_secret   first split of the GiB at 0x7c0000000")


def test_while_an_event_is_chosen_each_has_a_row_of_its_own(tour: Scene) -> None:
    folded_lines = words("events", tour, 116, 30).split("\n")
    assert [line.split()[0] for line in folded_lines[1:4]] == ["12.450s", "9.050s", "8.000s▲"]
    chosen = replace(tour, state=replace(tour.state, event=tour.events[-1].serial))
    lines = words("events", chosen, 116, 30).split("\n")
    assert [line.split()[0] for line in lines[1:4]] == ["12.450s▸", "12.400s", "12.350s"]


def test_what_is_next_stands_before_what_holds_memory() -> None:
    works = (
        WorkloadView("memfd_secret keys", "holding", "64 secrets"),
        WorkloadView("tmpfs scratch", "waiting", "", 17 * SECOND),
        WorkloadView("fork_storm", "running", "3 of 9 children"),
    )
    line = words("events", scene_of(replace(snapshot(0), workloads=works)), 100, 3).split("\n")[0]
    assert line.startswith("▶ fork_storm 3 of 9 children   next 17.000s tmpfs scratch   ■ memfd_secret keys 64 secrets")


def told(*texts: str, severity: str = "info") -> list[Event]:
    return [Event(at, "x", text, severity) for at, text in enumerate(texts)]


def test_of_events_that_differ_in_numbers_the_last_and_the_first_are_told() -> None:
    events = told("a 1", "a 2", "a 3", "a 4", "b 1", "a 5", "a 6")
    shown = [(event.text, others) for event, others in folded(events, 9)]
    assert shown == [("a 6", 4), ("b 1", 0), ("a 1", 0)]
    taking_turns = told("a 1", "b 1", "a 2", "b 2", "a 3", "b 3", "a 4", "b 4")
    shown = [(event.text, others) for event, others in folded(taking_turns, 9)]
    assert shown == [("b 4", 2), ("a 4", 2), ("b 1", 0), ("a 1", 0)]
    assert [(event.text, others) for event, others in folded(events, 1)] == [("a 6", 1)]
    assert folded(events, 0) == []


def test_events_in_other_words_or_units_and_failures_are_never_folded() -> None:
    assert len(folded(told("4 KiB, 2 leaves split", "128 MiB, 64 leaves split", "1 GiB, 9 leaves split"), 9)) == 3
    assert len(folded(told(*(f"kills {pid}" for pid in range(5)), severity="bad"), 9)) == 5
    notices = folded(told(*(f"first split of the GiB at {place:#x}" for place in range(5)), severity="notice"), 9)
    assert [(event.text[-3:], others) for event, others in notices] == [("0x4", 3), ("0x0", 0)]


def test_events_are_wrapped_where_rows_are_left_and_cut_with_a_sign_where_not() -> None:
    scene = scene_of(snapshot(0), tuple(told("older " * 8, "newer " * 8)))
    assert words("events", scene, 60, 3).split("\n")[1:] == [
        "   0.000s  x              newer newer newer newer newer new…",
        "   0.000s  x              older older older older older old…",
    ]
    assert words("events", scene, 60, 4).split("\n")[1:] == [
        "   0.000s  x              newer newer newer newer newer",
        "                          newer newer newer",
        "   0.000s  x              older older older older older old…",
    ]


def test_a_failure_is_told_in_full_even_where_an_older_event_has_to_go() -> None:
    events = (*told("one", "two", "three"), *told("word " * 14, severity="bad"))
    lines = words("events", scene_of(snapshot(0), events), 60, 4).split("\n")[1:]
    assert lines == [
        "   0.000s✗ x              word word word word word word word",
        "                          word word word word word word word",
        "   0.000s  x              three",
    ]


def test_long_events_are_told_in_full_where_the_panel_is_tall() -> None:
    scene = scene_of(snapshot(0), (Event(0, "oom", "word " * 40, "bad"),))
    assert len(words("events", scene, 60, 20).split("\n")) > 5


def test_below_the_events_of_a_tall_panel_stand_the_latencies_that_took_most_time() -> None:
    long = LatencyView("fork", 3, 12_000_000, ((21, 1), (22, 2)))
    short = LatencyView("bpf_load", 1, 24_000, ((14, 1),))
    scene = scene_of(replace(snapshot(0), latencies=(short, long)), told("one"))
    lines = [line.strip() for line in words("events", scene, 70, 33).split("\n")]
    place = lines.index("fork: 3 times, 4.00 ms each")
    assert lines[place + 1].startswith("[2M, 4M)                 1 |@")
    assert lines[place + 2].startswith("[4M, 8M)                 2 |@@@")
    assert lines[place + 3] == "bpf_load: once, 24.0 us"
    assert not any("@" in line for line in words("events", scene, 70, 29).split("\n"))


def test_events_have_the_colour_of_their_severity() -> None:
    events = tuple(Event(0, "x", severity, severity, at) for at, severity in enumerate(("info", "notice", "bad")))
    rows = panel("events").draw(scene_of(snapshot(0), events), 60, 6, UNICODE).rows
    tokens = [{span.token for span in line if span.text.strip()} - {Token.DIM} for line in rows[1:4]]
    assert tokens == [{Token.BAD}, {Token.NOTICE}, {Token.TEXT}]


def test_below_the_first_events_stands_what_the_scenario_is_about() -> None:
    scene = scene_of(snapshot(0), (Event(0, "boot", "64 GiB"),))
    assert words("events", scene, 60, 6).split("\n")[2:] == ["  What huge pages, modules and secrets do to a server."]
    assert words("events", scene, 30, 4).split("\n")[2:] == [
        "  What huge pages, modules and",
        "  secrets do to a server.",
    ]
    assert words("events", scene, 30, 3).split("\n")[2:] == ["  What huge pages, modules an…"]


def test_what_holds_memory_is_told_from_what_runs() -> None:
    works = (
        WorkloadView("memfd_secret keys", "holding", "64 secrets"),
        WorkloadView("fork_storm", "running", "3 of 9 children"),
        WorkloadView("nr_hugepages", "done", ""),
    )
    scene = scene_of(replace(snapshot(0), workloads=works))
    first = words("events", scene, 100, 3).split("\n")[0]
    assert first.startswith("▶ fork_storm 3 of 9 children   ■ memfd_secret keys 64 secrets   ")


def test_workloads_that_have_no_room_are_counted() -> None:
    works = tuple(WorkloadView(f"workload {number}", "running", "") for number in range(9))
    lines = words("events", scene_of(replace(snapshot(0), workloads=works)), 40, 3).split("\n")
    assert lines[0] == "▶ workload 0   ▶ workload 1   … 7 more"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [1, 10, 26, 36, 46, 56, 76, 96, 116, 196])
def test_panels_draw_at_any_size(tour: Scene, name: str, width: int) -> None:
    for height in (0, 1, 2, 3, 5, 8, 10, 13, 20, 35, 55):
        rows = panel(name).draw(tour, width, height, UNICODE).rows
        if width >= 46:
            assert max((row_width(line) for line in rows), default=0) <= width
        if width >= 36 and height >= 10:
            assert len(rows) <= height


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seconds", ["0", "1", "3.5", "8", "30"])
def test_panels_draw_at_any_moment_in_ascii(name: str, seconds: str) -> None:
    scene = scene_at(seconds, lay_out(120, 40, name, name))
    assert plain(panel(name).draw(scene, 116, 35, ASCII).rows).isascii()


@pytest.mark.parametrize("entry", PANELS, ids=NAMES)
def test_panels_name_counters_that_exist(entry: Panel) -> None:
    assert entry.counters
    assert [name for name in entry.counters if name not in FIELDS] == []


def test_panels_are_found_by_name_and_digit() -> None:
    assert [digit(name) for name in NAMES] == [1, 2, 3, 4, 5, 6]
    with pytest.raises(ValueError, match="no panel 'tbl'; expected one of direct-map, vmemmap, tlb, memory, events"):
        panel("tbl")


def test_requests_of_several_panels_become_one() -> None:
    assert merged([MapRequest(3, 0), MapRequest(0, 5)]) == MapRequest(3, 5)
    assert merged([]) == MapRequest()


@pytest.mark.parametrize("entry", PANELS, ids=NAMES)
def test_panel_help_explains_every_counter(entry: Panel) -> None:
    text = plain(panel_help(entry, 80, UNICODE))
    for name in entry.counters:
        assert name in text
        assert FIELDS[name].meaning.split()[0] in text
    assert max(len(line) for line in text.split("\n")) <= 80


def test_keys_help_has_every_key_and_every_glyph() -> None:
    text = plain(keys_help([("Time", "space", "Pause"), ("Help", "q", "Quit")], 60, UNICODE))
    assert "Time\nspace      Pause\n\nHelp\nq          Quit" in text
    assert "× not present" in text
    assert "G hugetlb" in text


def test_help_says_what_nothing_means_in_each_map() -> None:
    text = plain(keys_help([], 80, UNICODE))
    assert "Map of the direct map\n█ 1G  ▪ 2M  · 4K  × not present  ∅ no RAM" in text
    assert "Map of the vmemmap\n▓ own  ┼ split  ▒ partly  ░ given back  ∅ no memmap" in text


def test_the_size_of_the_machine_does_not_widen_figures() -> None:
    now = snapshot_at(SECOND, MapRequest())
    counters = {**now.counters, "DirectMap1G": 65_536 * GIB >> 10}
    rows = panel("direct-map").draw(scene_of(replace(now, counters=counters)), 56, 13, UNICODE).rows
    assert max(row_width(line) for line in rows) <= 56
