"""Where a split helps it is said, and nowhere else: four 1G entries in the first level, sixteen in the second."""

from __future__ import annotations

import pytest

from memtui.scenario.loader import load_text
from memtui.sources.simulation import Simulation
from memtui.tui.snapshot import render_text
from memtui.units import SECOND

SCENARIO = """
memtui: 1
name: few 1G entries
machine: {{ram: {ram}, nodes: 1, kernel: {{exec_memory: per_allocation}}, cpu: {{count: 2, tlb: {tlb}}}}}
timeline:
  - {{at: 1s, {action}}}
  - {{at: 3s, sysctl: {{vm.compact_memory: 1}}}}
"""
SPLIT = "load_module: {text: 24KiB, rodata: 12KiB, data: 16KiB}"
NOTHING = "sysctl: {vm.max_map_count: 70000}"


def page(tlb: str, ram: str, action: str) -> str:
    """The enlarged TLB panel two seconds later, in one line."""
    simulation = Simulation(load_text(SCENARIO.format(tlb=tlb, ram=ram, action=action)))
    text = render_text(simulation, 2 * SECOND, 200, 60, panel_name="tlb")
    return " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize(
    ("tlb", "ram", "action", "words"),
    [
        ("skylake-sp", "20GiB", SPLIT, "Splits help here: "),
        ("icelake-sp", "20GiB", SPLIT, "Splits cost here: "),
        ("skylake-sp", "20GiB", NOTHING, ""),
        ("skylake-sp", "4GiB", SPLIT, "Splits cost here: "),
    ],
)
def test_the_page_says_whether_splits_help(tlb: str, ram: str, action: str, words: str) -> None:
    text = page(tlb, ram, action)
    assert ("Splits " in text) is bool(words)
    assert words in text
