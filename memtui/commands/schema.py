"""`memtui schema`: the JSON Schema of scenario files."""

from __future__ import annotations

import json

from memtui.commands.exits import Status
from memtui.scenario.json_schema import schema


def print_schema() -> int:
    """Prints the schema, for an editor to read."""
    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return Status.WELL
