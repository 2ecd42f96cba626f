"""The readable report, word for word."""

from __future__ import annotations

from dataclasses import replace

from memtui.report.text import WIDTH, render
from memtui.snapshot import Event
from memtui.sources.headless import play
from memtui.sources.simulation import Simulation
from tests.report.samples import shown
from tests.snapshots import snapshot, zone
from tests.sources.fakes import expected, scenario, take

REPORT = """\
fake
server-64g: 64.0 GiB, Linux 6.18, 2 nodes, 32 CPUs; seed 7
0.310 s simulated, 7 events

what changed                                        before             after        difference
/proc/meminfo
  MemFree, kB                                        1 000               995                -5
memtui
  tlb_miss_ppm                                           0                 5                +5

what happened (* worth a look, ! went wrong)
     0.010 s  take    took 1, drew 177
                      (3 more like it, until 0.040 s)
!    0.020 s  expect  MemFree is 998 kB (998 KiB), expected 999 .. 1000
     0.050 s  take    took 1, drew 325
!    0.300 s  take    gives up: 2000 pages

what was expected: 1 met, 1 not
  FAIL  at 0.020 s: MemFree is 998 kB (998 KiB), expected 999 .. 1000
  ok    at the end: MemFree is 995 kB (995 KiB), expected 0 .. 995
"""


def test_the_report_tells_what_changed_what_happened_and_what_was_expected() -> None:
    played = scenario(
        take(10, every_ms=10, times=5, label="keys"),
        take(300, 2000),
        expect=(expected(20, "MemFree", 999, 1000), expected(None, "MemFree", 0, 995)),
        until_ms=310,
    )
    assert render(play(Simulation(played))) == REPORT


def test_a_run_in_which_nothing_happens_says_so() -> None:
    report = render(play(Simulation(scenario(until_ms=5))))
    assert report.endswith(f"{'what changed':<40}{'before':>18}{'after':>18}{'difference':>18}\n  nothing\n")
    assert "0 events" in report


def test_gauges_that_came_back_are_told_with_their_least_and_most() -> None:
    played = scenario(take(1, 400), until_ms=5)
    result = play(Simulation(played))
    result.on_the_way = (
        ("MemFree", 100, 1000),
        ("AnonPages", 0, 2_954_880),
        ("nr_anon_pages", 0, 9),
        ("anon_vma", 6, 606),
    )
    lines = render(result).split("\n\n")[1].splitlines()
    assert lines[-4:] == [
        f"{'in between':<40}{'least':>18}{'most':>18}",
        f"{'  MemFree, kB':<40}{'100':>18}{'1 000':>18}",
        f"{'  AnonPages, kB':<40}{'0':>18}{'2 954 880':>18}",
        f"{'  anon_vma':<40}{'6':>18}{'606':>18}",
    ]


def test_why_a_machine_stopped_stands_at_the_top() -> None:
    report = render(play(Simulation(scenario(take(1, how="stop")))))
    assert report.splitlines()[3] == "the machine could not go on: nothing is left to kill"


def test_free_blocks_that_changed_are_shown_order_by_order() -> None:
    before = snapshot(0, zones=(zone(0, "DMA", blocks=(1,) * 11), zone(1, "Normal", blocks=(0,) * 10 + (12345,))))
    after = snapshot(1, zones=(zone(0, "DMA", blocks=(1,) * 11), zone(1, "Normal", blocks=(512,) + (0,) * 10)))
    report = render(shown(before, after))
    assert "DMA" not in report
    assert report.split("\n\n")[2].splitlines() == [
        "/proc/buddyinfo, free blocks",
        "    order        0       1       2       3       4       5       6       7       8       9      10",
        "  node 1, Normal",
        "    before       0       0       0       0       0       0       0       0       0       0   12345",
        "    after      512       0       0       0       0       0       0       0       0       0       0",
    ]


def test_no_line_is_wider_than_a_hundred_columns() -> None:
    result = shown(snapshot(0), snapshot(9))
    result.events = tuple(Event(number, "a" * 90, "b" * 150) for number in range(3))
    report = render(result)
    assert max(len(line) for line in report.splitlines()) <= WIDTH
    assert "b" * 50 in report
    assert f"  {'a' * 23}…  bbb" in report


def test_counters_come_in_linuxs_order_under_their_files() -> None:
    before = snapshot(0, {"oom_kill": 0, "MemFree": 9, "anon_vma": 0, "HugePages_Total": 0, "AnonPages": 0})
    after = snapshot(1, {"oom_kill": 1, "MemFree": 8, "anon_vma": 2, "HugePages_Total": 3, "AnonPages": 4})
    lines = render(shown(before, after)).split("\n\n")[1].splitlines()
    assert [line.split("  ")[0] or line.split()[0].rstrip(",") for line in lines[1:]] == [
        "/proc/meminfo",
        "MemFree",
        "AnonPages",
        "HugePages_Total",
        "/proc/vmstat",
        "oom_kill",
        "/proc/slabinfo",
        "anon_vma",
    ]


def test_a_long_log_is_cut_and_says_where_the_rest_is() -> None:
    result = shown(snapshot(0), snapshot(9))
    result.events = tuple(Event(0, "test", chr(0x4E00 + number)) for number in range(300))
    result.events_dropped = 12
    lines = render(result).splitlines()
    assert "  (the first 12 events are no longer known)" in lines
    assert lines[-101] == "  ... 50 lines left out here; --json FILE writes every event"
    assert lines[-1].endswith(f"test  {chr(0x4E00 + 299)}")


def test_latencies_are_in_the_report_when_they_are_wanted() -> None:
    result = play(Simulation(scenario(take(1))))
    assert "how long operations took" not in render(result)
    section = next(part for part in render(result, latencies=True).split("\n\n") if part.startswith("how long"))
    assert section.splitlines() == [
        "how long operations took, in ns",
        "  take: 3 times, 9.00 us each",
        f"  [4K, 8K)                 1 |{'@' * 26}{' ' * 26}|",
        f"  [8K, 16K)                2 |{'@' * 52}|",
    ]


def test_a_run_without_timed_operations_says_so() -> None:
    result = play(Simulation(scenario(take(1))))
    result.after = replace(result.after, latencies=())
    assert "how long operations took, in ns\n  none of those that are timed\n" in render(result, latencies=True)
