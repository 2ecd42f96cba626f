"""Actions typed in one line: what they mean, what is refused, and how they go on."""

from __future__ import annotations

import pytest

from memtui.scenario import load_text
from memtui.scenario.command import CommandError, parse_command
from memtui.scenario.completion import completions, usage
from memtui.scenario.model import Scenario
from memtui.units import GIB, KIB, MS, SECOND
from memtui.workloads.hugepages import NrHugepagesParams
from memtui.workloads.secret_memory import MemfdSecretParams
from memtui.workloads.sysctl import SysctlParams
from memtui.workloads.tmpfs import TmpfsParams

SCENARIO = """
machine: {ram: 8GiB, nodes: 1}
timeline:
  - {at: 1s, label: m, tmpfs: {mount: /mnt/huge, huge: always}}
  - {at: 2s, label: keys, memfd_secret: {size: 16KiB}}
  - {at: 3s, end: keys}
"""


@pytest.fixture
def scenario() -> Scenario:
    return load_text(SCENARIO)


def test_a_plain_value_is_the_short_form(scenario: Scenario) -> None:
    entry, _ = parse_command("nr_hugepages 2048", 4 * SECOND + 1, scenario)
    assert entry.params == NrHugepagesParams(count=2048)
    assert (entry.action, entry.at_ns, entry.label, entry.times) == ("nr_hugepages", 4 * SECOND + 1, None, 1)


def test_a_plain_value_goes_with_named_ones(scenario: Scenario) -> None:
    entry, _ = parse_command("nr_hugepages 2 size=1GiB node=0", 0, scenario)
    assert entry.params == NrHugepagesParams(count=2, size=GIB, node=0)


def test_a_label_stands_before_and_repetitions_beside(scenario: Scenario) -> None:
    entry, _ = parse_command("more: memfd_secret size=64KiB count=3 every=20ms times=5", 4 * SECOND, scenario)
    assert entry.params == MemfdSecretParams(size=64 * KIB, count=3)
    assert (entry.label, entry.every_ns, entry.times) == ("more", 20 * MS, 5)


def test_settings_keep_their_dots(scenario: Scenario) -> None:
    entry, _ = parse_command("sysctl vm.hugetlb_optimize_vmemmap=1 vm.nr_hugepages=10", 0, scenario)
    assert isinstance(entry.params, SysctlParams)
    assert entry.params.settings == (("vm.hugetlb_optimize_vmemmap", 1), ("vm.nr_hugepages", 10))


def test_quotes_make_text_of_what_has_spaces(scenario: Scenario) -> None:
    entry, _ = parse_command('tmpfs mount="/mnt/two words"', 4 * SECOND, scenario)
    assert isinstance(entry.params, TmpfsParams)
    assert entry.params.mount == "/mnt/two words"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no action; expected one of nr_hugepages"),
        ("nr_hugepage 5", "no action 'nr_hugepage'; did you mean 'nr_hugepages'?"),
        ("nr_hugepages many", "expected a whole number, not 'many'"),
        ("nr_hugepages 1 node=7", "node: the machine has no node 7; expected node 0 only"),
        ("load_module 24KiB", "'24KiB' stands alone; expected NAME=VALUE"),
        ("load_module txt=24KiB", "did you mean 'text'?"),
        ("memfd_secret size=1KiB size=2KiB", "size is given twice; expected it once"),
        ("memfd_secret size='16KiB", "a ' that is not closed; expected another at the end of the text"),
        ("memfd_secret size=2MB", "ambiguous (powers of 1000 or 1024?); write 2MiB or 2M"),
        ("end keys", "end: 'keys' has ended already, at line 6"),
        ("end nobody", "end: no entry has the label 'nobody'"),
        ("keys: memfd_secret size=16KiB", "label 'keys' is used already, at line 5"),
        ("tmpfs mount=/mnt/huge", "'/mnt/huge' is mounted already"),
        ("tmpfs_write mount=/mnt/hug file=a size=1MiB", "did you mean '/mnt/huge'?"),
        ("x" * 3000, "3000 characters; expected one action of at most 2000"),
        ("nr_hugepages 1 every=1s", "every without an end; expected times or until beside it"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(scenario: Scenario, text: str, words: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse_command(text, 4 * SECOND, scenario)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_completion_goes_from_actions_to_names_to_values(scenario: Scenario) -> None:
    assert completions("nr_h", scenario) == ["nr_hugepages "]
    assert "tmpfs mount=" in completions("tmpfs ", scenario)
    assert completions("tmpfs huge=al", scenario) == ["tmpfs huge=always"]
    assert completions("tmpfs_write mount=", scenario) == ["tmpfs_write mount=/mnt/huge"]
    assert completions("end ", scenario) == ["end m"]
    assert "sysctl vm.drop_caches=" in completions("sysctl vm.d", scenario)
    assert completions("new: load_b", scenario) == ["new: load_bpf "]
    assert not any("count=" in word[-6:] for word in completions("memfd_secret count=3 ", scenario))
    assert completions("nonsense ", scenario) == []
    assert completions("tmpfs 'open", scenario) == []


def test_every_action_has_a_usage_that_fits_a_line(scenario: Scenario) -> None:
    assert usage("end") == "end LABEL"
    assert usage("nr_hugepages") == "nr_hugepages COUNT, or count= [size=] [node=]"
    assert usage("nonsense") == ""
