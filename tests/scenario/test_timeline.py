"""Entries, their repetitions, and what they ask of each other."""

from __future__ import annotations

import pytest

from memtui.scenario import load_text
from memtui.scenario.model import Entry
from memtui.units import MS, SECOND
from tests.scenario.samples import faults, timeline

BPF = "load_bpf: {size: 4KiB}"


def entries(*lines: str) -> tuple[Entry, ...]:
    return load_text(timeline(*lines), "f").entries


def refused(*lines: str) -> list[str]:
    return faults(timeline(*lines))


@pytest.mark.parametrize(
    ("repetition", "every_ns", "times"),
    [
        ("", 0, 1),
        ("every: 20ms, times: 200, ", 20 * MS, 200),
        ("every: 1s, times: 1, ", SECOND, 1),
        ("every: 1s, until: 5s, ", SECOND, 5),
        ("every: 1s, until: 5999ms, ", SECOND, 5),
        ("every: 1s, until: 1s, ", SECOND, 1),
        ("every: 3s, until: 5s, ", 3 * SECOND, 2),
    ],
)
def test_repetitions_up_to_and_at_until(repetition: str, every_ns: int, times: int) -> None:
    (entry,) = entries(f"{{at: 1s, {repetition}{BPF}}}")
    assert (entry.at_ns, entry.every_ns, entry.times) == (SECOND, every_ns, times)


def test_entries_keep_the_order_of_the_file_whatever_their_times() -> None:
    assert [e.at_ns // SECOND for e in entries(f"{{at: 3s, {BPF}}}", f"{{at: 1s, {BPF}}}")] == [3, 1]


def test_the_short_form_is_the_long_one() -> None:
    short, long = entries("{at: 0, nr_hugepages: 5}", "{at: 0, nr_hugepages: {count: 5, size: 2M}}")
    assert short.params == long.params


def test_a_label_may_be_ended_at_the_same_time_by_a_later_line() -> None:
    assert len(entries(f"{{at: 1s, label: a, {BPF}}}", "{at: 1s, end: a}")) == 2
    assert refused("{at: 1s, end: a}", f"{{at: 1s, label: a, {BPF}}}") == [
        "f:3:17: end: 'a' is only made later; expected a time after it"
    ]


def test_an_end_is_judged_though_its_maker_is_faulty() -> None:
    lines = refused("{at: 1s, label: a, load_bpf: {size: 2MB}}", "{at: 2s, end: a}", "{at: 3s, end: b}")
    assert [line.split(": ")[1] for line in lines] == ["size", "end"]


def test_a_label_whose_time_is_faulty_may_be_ended() -> None:
    assert len(refused(f"{{at: soon, label: a, {BPF}}}", "{at: 2s, end: a}")) == 1


def test_a_mount_may_be_made_again_once_it_has_ended() -> None:
    mount = "tmpfs: {mount: m, huge: always}"
    again = entries(f"{{at: 1s, label: a, {mount}}}", "{at: 2s, end: a}", f"{{at: 3s, {mount}}}")
    assert len(again) == 3
    assert len(refused(f"{{at: 1s, label: a, {mount}}}", f"{{at: 3s, {mount}}}")) == 1
    assert len(refused(f"{{at: 1s, every: 1s, times: 2, {mount}}}")) == 1


def test_mounts_are_not_judged_while_a_mount_is_faulty() -> None:
    lines = refused("{at: 1s, tmpfs: {mount: m, huge: maybe}}", "{at: 2s, tmpfs_unlink: {mount: m, file: f}}")
    assert len(lines) == 1


def test_more_huge_pages_than_ram_is_the_kernels_business() -> None:
    (entry,) = entries("{at: 1s, nr_hugepages: {count: 100, size: 1GiB}}")
    assert entry.action == "nr_hugepages"


def test_a_huge_page_as_large_as_ram_is_asked_for_one_larger_is_not() -> None:
    ask = "\ntimeline: [{at: 0, nr_hugepages: {count: 1, size: 1GiB}}]"
    assert faults("machine: {ram: 1GiB}" + ask) == []
    assert faults("machine: {ram: 1048572KiB}" + ask) == [
        "f:2:51: size: one page of 1GiB is larger than the machine's RAM of 1048572KiB; expected 2MiB"
    ]


def test_both_actions_of_an_entry_are_checked() -> None:
    lines = refused("{at: 1s, load_bpf: {size: 2MB}, nr_hugepages: many}")
    assert [line.split(": ", 1)[1].split(":")[0].split(" ")[0] for line in lines] == ["size", "a", "nr_hugepages"]


@pytest.mark.parametrize("hold", ["0", "2s", "forever"])
def test_hold(hold: str) -> None:
    (entry,) = entries(f"{{at: 0, fork_storm: {{parent: 4MiB, children: 2, hold: {hold}}}}}")
    assert entry.params.model_dump()["hold"] == {"0": 0, "2s": 2 * SECOND, "forever": None}[hold]
