"""Sizes of modules: the published means, the giants, and the next version of a module."""

from __future__ import annotations

import random

import pytest

from memtui.units import KIB
from memtui.workloads.module_sizes import COMMON, GIANTS, MIXES, THOUSAND, draw, giant_text_kib, upgraded


@pytest.mark.parametrize(("mix", "text_kib", "file_kib"), [("fleet", 88.8, 313), ("desktop", 92.1, 293)])
def test_means_as_published(mix: str, text_kib: float, file_kib: int) -> None:
    """Text 88.8 KiB on average on a large server and 92.1 on a desktop; files 313 and 293 KiB."""
    common = sum(count * (low + high) / 2 for count, low, high in COMMON)
    giants = sum(giant_text_kib(name, MIXES[mix]) for name in GIANTS)
    assert sum(count for count, _, _ in COMMON) + len(GIANTS) == THOUSAND
    assert (common + giants) / THOUSAND == pytest.approx(text_kib, rel=0.001)
    rng = random.Random(3)
    drawn = [sizes for _, sizes in (draw(rng, MIXES[mix]) for _ in range(20_000))]
    assert sum(sizes.text for sizes in drawn) / len(drawn) / KIB == pytest.approx(text_kib, rel=0.1)
    assert sum(sizes.file for sizes in drawn) / len(drawn) / KIB == pytest.approx(file_kib, rel=0.1)


def test_half_of_the_modules_are_small_and_amdgpu_is_the_largest() -> None:
    rng = random.Random(5)
    drawn = [draw(rng, MIXES["fleet"]) for _ in range(5000)]
    assert sorted(sizes.text for _, sizes in drawn)[2500] < 16 * KIB
    assert max(drawn, key=lambda module: module[1].text)[0] == "amdgpu"
    assert {name for name, _ in drawn if name} == set(GIANTS)


def test_the_same_seed_draws_the_same_modules() -> None:
    first, second = ([draw(random.Random(9), MIXES["fleet"]) for _ in range(3)] for _ in range(2))
    assert first == second


def test_an_upgrade_changes_a_module_by_a_few_per_cent() -> None:
    rng = random.Random(1)
    _, sizes = draw(rng, MIXES["desktop"])
    texts = [upgraded(sizes, rng, MIXES["desktop"]).text for _ in range(200)]
    assert min(texts) >= sizes.text * 98 // 100 - 1
    assert max(texts) <= sizes.text * 105 // 100 + 1
    assert sum(texts) / len(texts) > sizes.text
