"""Playing actions on a machine without an engine: every step at once, all laws afterwards."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from memtui.machine import Machine
from memtui.workloads.base import Activity, Context, Steps
from memtui.workloads.registry import ACTIONS, activity_type


@dataclass
class Played:
    """An activity that has started, and what it took and said."""

    activity: Activity[Any]
    steps: int
    took_ns: int
    said: list[str]
    severities: list[str]


def play(machine: Machine, action: str, **values: Any) -> Played:
    """Starts an action with parameters as a scenario writes them, to its end."""
    machine.drain_events()
    params = ACTIONS[action].params.model_validate(values)
    activity = activity_type(action)(params, Context(machine, random.Random(7), action))
    return _run(machine, activity, activity.start())


def end(machine: Machine, played: Played) -> Played:
    """Ends an activity."""
    return _run(machine, played.activity, played.activity.finish())


def _run(machine: Machine, activity: Activity[Any], steps: Steps) -> Played:
    times = list(steps)
    machine.check()
    events = machine.drain_events()
    said, severities = [event.text for event in events], [event.severity.value for event in events]
    return Played(activity, len(times), sum(times), said, severities)
