"""`--set PATH=VALUE` changes what was written before anything is checked."""

from __future__ import annotations

import pytest

from memtui.scenario import load_text
from memtui.scenario.model import Scenario
from memtui.units import GIB, SECOND, TIB
from memtui.workloads.hugepages import NrHugepagesParams
from memtui.workloads.sysctl import SysctlParams
from tests.scenario.samples import CONTRACT, faults


def with_sets(*sets: str) -> Scenario:
    return load_text(CONTRACT, "f", sets)


def test_a_field_that_is_there() -> None:
    scenario = with_sets("machine.ram=1TiB", "seed=3", "name=Another")
    assert (scenario.machine.ram_bytes, scenario.seed, scenario.name) == (TIB, 3, "Another")


def test_a_field_that_was_left_out() -> None:
    assert with_sets("machine.kernel.thp=never", "until=20s").machine.kernel.thp == "never"
    assert load_text("{}", "f", ["machine.cpu.count=4"]).machine.cpu.count == 4
    assert load_text("machine:\n", "f", ["machine.ram=1GiB"]).machine.ram_bytes == GIB


def test_a_whole_part() -> None:
    assert with_sets("machine={ram: 1GiB}", "timeline=[]").machine.ram_bytes == GIB


def test_an_entry_by_its_number_from_zero() -> None:
    assert with_sets("timeline.4.at=20s").entries[4].at_ns == 20 * SECOND


@pytest.mark.parametrize(
    ("setting", "params"),
    [
        ("timeline.0.nr_hugepages=5", NrHugepagesParams(count=5)),
        ("timeline.0.nr_hugepages.count=5", NrHugepagesParams(count=5)),
        ("timeline.0.nr_hugepages.size=1GiB", NrHugepagesParams(count=10240, size=GIB)),
    ],
)
def test_below_a_short_form(setting: str, params: NrHugepagesParams) -> None:
    assert with_sets(setting).entries[0].params == params


def test_names_with_dots_in_them() -> None:
    text = "timeline: [{at: 0, sysctl: {vm.drop_caches: 1}}]\nexpect: [{at: end, buddyinfo.0.Normal.9: 5}]"
    sets = (
        "timeline.0.sysctl.vm.nr_hugepages=7",
        "timeline.0.sysctl.vm.drop_caches=3",
        "expect.0.buddyinfo.0.Normal.9=6",
    )
    scenario = load_text(text, "f", sets)
    params = scenario.entries[0].params
    assert isinstance(params, SysctlParams)
    assert params.settings == (("vm.drop_caches", 3), ("vm.nr_hugepages", 7))
    assert scenario.expectations[0].bound.lowest == 6


def test_the_last_of_two_counts() -> None:
    assert with_sets("seed=3", "seed=4").seed == 4


def test_a_faulty_field_can_be_set_right() -> None:
    assert faults("machine: {ram: 2MB}", "machine.ram=2GiB") == []


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("machine.rma=1TiB", "unknown key 'rma' in machine; did you mean 'ram'?"),
        ("machin.ram=1TiB", "unknown key 'machin' in scenario; did you mean 'machine'?"),
        ("machine.ram=2MB", "ram: '2MB' is ambiguous (powers of 1000 or 1024?); write 2MiB or 2M"),
        (
            "machine.ram=",
            "ram: expected a size such as 4KiB, 2MiB, 1GiB or 64TiB "
            "(powers of 1024; a plain number is bytes), not nothing",
        ),
        ("timeline.5.at=1s", "no entry '5' in that list; expected 0 to 4"),
        ("timeline.-1.at=1s", "no entry '-1' in that list; expected 0 to 4"),
        ("timeline.first.at=1s", "no entry 'first' in that list; expected 0 to 4"),
        ("timeline.0.at.x=1s", "nothing lies below a single value, so no 'x'"),
        ("seed=[1", "not YAML: the text ends inside brackets"),
        ("seed=*a", "alias *a; expected the value itself, written out"),
        ("name=a: b: c", "not YAML: a ':' where no key can be: wrong indentation, or text that needs quotes"),
        ("seed", "expected PATH=VALUE, such as machine.ram=1TiB or timeline.0.at=2s"),
        ("=3", "expected PATH=VALUE, such as machine.ram=1TiB or timeline.0.at=2s"),
        ("machine..ram=3", "expected PATH=VALUE, such as machine.ram=1TiB or timeline.0.at=2s"),
        ("", "expected PATH=VALUE, such as machine.ram=1TiB or timeline.0.at=2s"),
        ("expect.0.at=99s\0", "character 0x00 has no place in YAML text"),
    ],
)
def test_a_fault_names_the_option(setting: str, message: str) -> None:
    assert faults(CONTRACT, setting) == [f"--set {setting}: {message}".replace("\0", "\\x00")]


def test_faults_of_options_and_of_the_file_come_together() -> None:
    assert faults("seeds: 1", "machine.rma=1") == [
        "--set machine.rma=1: unknown key 'rma' in machine; did you mean 'ram'?",
        "f:1:1: unknown key 'seeds' in scenario; did you mean 'seed'?",
    ]


def test_an_empty_list_has_no_entries_to_set() -> None:
    assert faults("timeline: []", "timeline.0.at=1s") == [
        "--set timeline.0.at=1s: no entry '0' in that list; expected none, the list is empty"
    ]


def test_a_list_at_top_level_cannot_be_set() -> None:
    assert len(faults("[1]", "seed=3")) == 2
