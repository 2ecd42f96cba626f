"""The story of the direct map side by side: which policy still has its huge leaves after the same life.

Each bundled scenario says in its `expect` what holds under which policy; the ranges do not overlap,
so that meeting them is the order of the policies.
"""

from __future__ import annotations

import pytest

from memtui.scenario import load
from memtui.sources.headless import simulate

POLICIES = ("per_allocation", "prog_pack", "unmapped_cache", "rox_cache")


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", ["month-of-bpf", "fleet-agent"])
def test_every_policy_comes_out_in_its_place(name: str, policy: str) -> None:
    result = simulate(load(name, [f"machine.kernel.exec_memory={policy}"]))
    assert result.failed == ()
    assert len(result.outcomes) >= 2
