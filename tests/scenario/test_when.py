"""`when:` expectations that hold under some policies only."""

from __future__ import annotations

import pytest

from memtui.scenario import load_text
from tests.scenario.samples import faults

SCENARIO = """
memtui: 1
machine: {ram: 1GiB, kernel: {shmem_thp: SHMEM}}
expect:
  - at: end
    MemFree: {min: 1MiB}
  - at: end
    when: {shmem_thp: compound}
    MemTotal: {min: 1MiB}
  - {at: 1s, when: {shmem_thp: [multi_order, compound]}, Shmem: 0}
"""


@pytest.mark.parametrize(
    ("policy", "counters"),
    [
        ("compound", ["MemFree", "MemTotal", "Shmem"]),
        ("multi_order", ["MemFree", "Shmem"]),
        ("compound_by_write", ["MemFree"]),
    ],
)
def test_an_expectation_counts_under_the_policies_it_names(policy: str, counters: list[str]) -> None:
    scenario = load_text(SCENARIO.replace("SHMEM", policy))
    assert [expectation.counter for expectation in scenario.expectations] == counters


def test_a_setting_from_outside_decides_as_the_file_does() -> None:
    scenario = load_text(SCENARIO.replace("SHMEM", "compound"), sets=["machine.kernel.shmem_thp=multi_order"])
    assert [expectation.counter for expectation in scenario.expectations] == ["MemFree", "Shmem"]


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ("{shmem_thpp: compound}", "when: unknown policy 'shmem_thpp'; expected hugetlb_vmemmap"),
        ("{shmem_thp: compoud}", "shmem_thp: 'compoud' is unknown; expected multi_order"),
        ("{shmem_thp: 7}", "shmem_thp: expected the name of a policy, or a list of them"),
        ("{shmem_thp: [compound, {x: 1}]}", "shmem_thp: expected the name of a policy, or a list of them"),
        ("compound", "when: expected policies, such as {exec_memory: rox_cache}"),
        ("{}", "when: expected policies, such as {exec_memory: rox_cache}"),
    ],
)
def test_what_is_no_policy_is_answered_at_its_place(when: str, words: str) -> None:
    found = faults(f"expect:\n  - at: end\n    when: {when}\n    MemFree: 1GiB\n")
    assert len(found) == 1
    assert found[0].split(": ", 1)[0].split(":")[1] == "3" or ":3:" in found[0]
    assert words in found[0]
