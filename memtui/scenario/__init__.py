"""Scenarios: YAML text to a validated Scenario, or to every fault it has at `file:line:column`."""

from memtui.scenario.faults import Fault, ScenarioError
from memtui.scenario.loader import bundled, load, load_text
from memtui.scenario.model import Scenario

__all__ = ["Fault", "Scenario", "ScenarioError", "bundled", "load", "load_text"]
