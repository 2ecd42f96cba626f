"""memtui: a flight simulator for Linux memory management, in the terminal.

From Python, a run of a scenario is two calls, and a scenario file a test of one line:

    scenario = memtui.load("hvo.yaml")
    result = memtui.simulate(scenario)
    assert not result.failed

`memtui.machine.Machine` is the machine alone, without time or scenarios.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from memtui.scenario import Scenario, ScenarioError, load
    from memtui.sources.headless import simulate
    from memtui.sources.result import Result

__version__ = "0.1.0"

__all__ = ["Result", "Scenario", "ScenarioError", "__version__", "load", "simulate"]

_HOMES: Final = {
    "Result": "memtui.sources.result",
    "Scenario": "memtui.scenario",
    "ScenarioError": "memtui.scenario",
    "load": "memtui.scenario",
    "simulate": "memtui.sources.headless",
}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used: `import memtui` alone costs next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
