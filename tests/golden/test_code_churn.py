"""Acceptance scenario A of the design: code churn on a fragmented machine, under each policy for executable memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pytest

from memtui.scenario import load_text
from memtui.sources.headless import simulate

SCENARIO = """
memtui: 1
name: Code churn
seed: 11
machine: {ram: 32GiB, cpu: {count: 32}}
timeline:
  - at: 1s
    fragment: {free: 60%, order: 4}
  - at: 10s
    label: modules
    load_module: {text: 92KiB, rodata: 40KiB, data: 48KiB, count: 300}
  - at: 30s
    label: programs
    load_bpf: {size: 2KiB, count: 2000}
  - at: 40s
    end: programs
  - at: 50s
    end: modules
"""
"""300 modules of 92 KiB of text and 2000 small BPF programs, loaded and unloaded, on 32 GiB."""

POLICIES = ("per_allocation", "prog_pack", "rox_cache")
"""From the one that splits most to the one that splits least."""


class Churned(NamedTuple):
    """What a policy left behind."""

    counters: Mapping[str, int]
    level2_by_action: Mapping[str, int]


PRESSURE = """
  - at: 60s
    sysctl: {vm.drop_caches: 2}
"""
"""All shrinkers are asked for what they have."""


def churned(policy: str, more: str = "") -> Churned:
    result = simulate(load_text(SCENARIO + more, sets=[f"machine.kernel.exec_memory={policy}"]))
    assert not any(event.severity == "bad" for event in result.events)
    splits = dict.fromkeys(("load_module", "load_bpf", "end", "sysctl"), 0)
    for cause in result.after.split_causes:
        splits[cause.cause.split()[0].rstrip(":")] += cause.level2_splits
    return Churned(result.counters, splits)


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Churned]:
    return {policy: churned(policy) for policy in POLICIES}


def test_scenario_a_level_2_splits_fall_from_policy_to_policy(outcomes: dict[str, Churned]) -> None:
    splits = [outcomes[policy].counters["direct_map_level2_splits"] for policy in POLICIES]
    assert splits == sorted(splits, reverse=True)
    assert splits[0] > 2 * splits[-1]
    assert splits[0] - splits[1] > 200
    assert splits[1] - splits[2] > 200


def test_scenario_a_large_leaves_that_are_left_grow_from_policy_to_policy(outcomes: dict[str, Churned]) -> None:
    small = [outcomes[policy].counters["DirectMap4k"] for policy in POLICIES]
    assert small == sorted(small, reverse=True)
    assert len(set(small)) == len(POLICIES)
    largest = [outcomes[policy].counters["DirectMap1G"] for policy in POLICIES]
    assert largest == sorted(largest)


def test_scenario_a_programs_in_packs_split_next_to_nothing(outcomes: dict[str, Churned]) -> None:
    alone, *packed = (outcomes[policy].level2_by_action["load_bpf"] for policy in POLICIES)
    assert alone > 200
    assert all(splits < alone // 5 for splits in packed)


def test_scenario_a_modules_split_alike_without_a_cache_for_their_text(outcomes: dict[str, Churned]) -> None:
    first, second, cached = (outcomes[policy].level2_by_action["load_module"] for policy in POLICIES)
    assert first == second
    assert cached < first


def test_scenario_a_data_of_modules_splits_even_with_the_rox_cache(outcomes: dict[str, Churned]) -> None:
    """Its rodata lies in single pages, which become read-only in the direct map too."""
    assert outcomes["rox_cache"].level2_by_action["load_module"] > 100


def test_scenario_a_nothing_merges_back_when_all_is_unloaded(outcomes: dict[str, Churned]) -> None:
    for outcome in outcomes.values():
        assert outcome.counters["direct_map_level2_collapses"] == 0
        assert sum(outcome.level2_by_action.values()) == outcome.counters["direct_map_level2_splits"]


def test_scenario_a_the_unmapped_cache_splits_no_2m_leaf_not_even_for_data() -> None:
    outcome = churned("unmapped_cache")
    assert outcome.counters["direct_map_level2_splits"] == 0
    assert outcome.counters["direct_map_level3_splits"] > 0


def test_scenario_a_under_pressure_the_shrinker_of_the_unmapped_cache_splits_page_by_page() -> None:
    outcome = churned("unmapped_cache", PRESSURE)
    assert outcome.level2_by_action["sysctl"] > 5
    assert outcome.counters["direct_map_level2_splits"] == outcome.level2_by_action["sysctl"]
    assert outcome.counters["direct_map_level2_collapses"] == 0
