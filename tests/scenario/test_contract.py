"""A scenario with every part becomes exactly the plain data the engine plays."""

from __future__ import annotations

from memtui.machine.config import MachineConfig
from memtui.scenario import Scenario, load_text
from memtui.scenario.model import Bound, Entry, Place
from memtui.units import GIB, KIB, MIB, MS, PPM, SECOND
from memtui.workloads.end import EndParams
from memtui.workloads.fork_storm import ForkStormParams
from memtui.workloads.hugepages import NrHugepagesParams
from memtui.workloads.modules import LoadModuleParams
from memtui.workloads.secret_memory import MemfdSecretParams
from tests.scenario.samples import CONTRACT


def contract() -> Scenario:
    return load_text(CONTRACT, "hvo.yaml")


def test_head_of_the_scenario() -> None:
    scenario = contract()
    assert scenario.name == "A hypervisor turns on HVO"
    assert scenario.about.startswith("What 10 240 huge pages give back")
    assert (scenario.seed, scenario.until_ns, scenario.path) == (7, None, "hvo.yaml")


def test_machine_is_server_64g_itself() -> None:
    assert contract().machine == MachineConfig()


def test_entries_in_the_order_written() -> None:
    assert contract().entries == (
        Entry(SECOND, "nr_hugepages", NrHugepagesParams(count=10240), place=Place("hvo.yaml", 19, 5)),
        Entry(
            3 * SECOND,
            "load_module",
            LoadModuleParams(text=24 * KIB, rodata=12 * KIB, data=16 * KIB),
            every_ns=20 * MS,
            times=200,
            place=Place("hvo.yaml", 21, 5),
        ),
        Entry(
            8 * SECOND,
            "memfd_secret",
            MemfdSecretParams(size=16 * KIB, count=64),
            "keys",
            place=Place("hvo.yaml", 25, 5),
        ),
        Entry(
            9 * SECOND,
            "fork_storm",
            ForkStormParams(parent=256 * MIB, children=100, writes=PPM // 10, hold=2 * SECOND),
            place=Place("hvo.yaml", 28, 5),
        ),
        Entry(12 * SECOND, "end", EndParams(label="keys"), place=Place("hvo.yaml", 30, 5)),
    )


def test_expectations_in_the_counters_own_units() -> None:
    kb = KIB
    assert [(e.at_ns, e.counter, e.bound) for e in contract().expectations] == [
        (2 * SECOND, "HugePages_Total", Bound(10240, 10240, "10240")),
        (None, "DirectMap4k", Bound(None, 64 * MIB // kb, "{max: 64MiB}")),
        (None, "MemFree", Bound(40 * GIB // kb, 45 * GIB // kb, "40GiB .. 45GiB")),
    ]


def test_an_empty_mapping_is_a_machine_left_alone() -> None:
    scenario = load_text("{}", "quiet.yaml")
    assert (scenario.name, scenario.entries, scenario.expectations, scenario.seed) == ("quiet", (), (), 0)
    assert scenario.machine == MachineConfig()


def test_two_loads_are_equal() -> None:
    assert contract() == contract()
