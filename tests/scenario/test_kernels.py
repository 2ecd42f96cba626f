"""`memtui list kernels` says in what one Linux differs from another: all of it."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import combinations

import pytest

from memtui.machine.kernels import KERNELS, POLICIES
from memtui.machine.traits import TRAITS, Traits
from memtui.scenario.kernels import differences, differences_of

PAIRS = [
    (first, second, field.name)
    for field in fields(Traits)
    for first, second in combinations(TRAITS, 2)
    if getattr(TRAITS[first], field.name) != getattr(TRAITS[second], field.name)
]
"""(version, another version, a fact in which they differ)."""


@pytest.mark.parametrize(("first", "second", "fact"), PAIRS)
def test_every_fact_that_differs_is_told(first: str, second: str, fact: str) -> None:
    policies = KERNELS[first]
    other = replace(TRAITS[first], **{fact: getattr(TRAITS[second], fact)})
    assert list(differences_of(other, policies)) != list(differences_of(TRAITS[first], policies))


@pytest.mark.parametrize("axis", POLICIES)
def test_every_policy_that_differs_is_told(axis: str) -> None:
    told = {version: " ".join(words for _, words in differences(version)) for version in KERNELS}
    chosen = {version: str(getattr(KERNELS[version], axis)) for version in KERNELS}
    if len(set(chosen.values())) > 1:
        assert all(chosen[version] in told[version] for version in KERNELS)


def test_there_is_something_to_tell() -> None:
    assert {fact for _, _, fact in PAIRS} >= {"list_limits", "steals_all_free", "hvo_moves_heads", "object_bytes"}
