"""What is not needed is not loaded: the command line stays light, and nothing headless ever loads Textual."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

PROBE = """
import sys
sys.argv = ["memtui", *sys.argv[1:]]
from memtui.__main__ import main
try:
    main()
finally:
    heavy = ("textual", "pydantic", "yaml", "rich", "asyncio", "memtui.machine")
    print("loaded:", *[name for name in heavy if name in sys.modules], file=sys.stderr)
"""

SCENARIO = "machine: {like: vm-8g}\ntimeline: [{at: 1s, nr_hugepages: 16}]\n"


def loaded_by(*arguments: str, stdin: str = "") -> set[str]:
    """The heavy modules that a command loads."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_loads_nothing_but_the_command_line(option: str) -> None:
    assert loaded_by(option) == set()


@pytest.mark.parametrize("command", ["run", "snapshot", "check", "list", "sweep"])
def test_the_help_of_a_command_loads_nothing_of_memtui(command: str) -> None:
    # Typer itself checks the options of a command with pydantic.
    assert loaded_by(command, "--help") <= {"pydantic"}


@pytest.mark.parametrize("what", ["scenarios", "machines", "kernels", "policies", "actions", "counters", "panels"])
def test_list_never_loads_textual(what: str) -> None:
    assert "textual" not in loaded_by("list", what)


@pytest.mark.parametrize("arguments", [("check", "-"), ("run", "-", "--headless"), ("run", "-", "--json", "-")])
def test_what_needs_no_screen_never_loads_textual(arguments: tuple[str, ...]) -> None:
    assert "textual" not in loaded_by(*arguments, stdin=SCENARIO)


def test_text_pictures_never_load_textual() -> None:
    assert "textual" not in loaded_by("snapshot", "-", "--at", "1s", stdin=SCENARIO)


def test_schema_never_loads_textual() -> None:
    assert "textual" not in loaded_by("schema")


def test_importing_memtui_alone_loads_nothing() -> None:
    probe = "import sys, memtui; print([name for name in sys.modules if name.startswith(('memtui.', 'pydantic'))])"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


HEADLESS = """
import sys
sys.argv = ["memtui", "run", "-", "--headless"]
from memtui.__main__ import main
try:
    main()
finally:
    print(*sorted(sys.modules), sep="\\n", file=sys.stderr)
"""

NOT_NEEDED_HEADLESS = {
    *("textual", "rich", "asyncio", "statistics", "numpy", "unittest"),
    *("memtui.tui", "memtui.view.panels", "memtui.recordings", "memtui.engine.player"),
    *("memtui.scenario.json_schema", "memtui.scenario.listing", "memtui.sources.side_by_side"),
}
"""What a report is made without."""


def test_a_headless_run_loads_only_what_it_needs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HEADLESS],
        cwd=ROOT, input=SCENARIO, capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    loaded = set(done.stderr.split())
    assert "memtui.workloads.hugepages" in loaded
    assert loaded & NOT_NEEDED_HEADLESS == set()


FIRST_PAINT = """
import asyncio, sys
from memtui.scenario import load_text
from memtui.sources.simulation import Simulation
from memtui.tui.app import Dashboard

async def paint():
    app = Dashboard(Simulation(load_text(sys.argv[1])), theme="memtui", paused=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert app.board.desk is not None

asyncio.run(paint())
print(*sorted(sys.modules), sep="\\n")
"""

NOT_NEEDED_TO_PAINT = {
    *("typer", "statistics", "numpy", "unittest"),
    *("memtui.cli", "memtui.commands", "memtui.recordings", "memtui.report", "memtui.scenario.json_schema"),
    *("memtui.sources.rewind", "memtui.sources.headless", "memtui.sources.side_by_side"),
}
"""What costs time at every start if it is loaded by accident."""


def loaded_by_first_paint() -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_PAINT, SCENARIO],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    return set(done.stdout.split())


def test_the_first_paint_loads_only_what_it_shows() -> None:
    loaded = loaded_by_first_paint()
    assert "memtui.view.panels.direct_map" in loaded
    assert loaded & NOT_NEEDED_TO_PAINT == set()


def test_only_actions_of_the_scenario_are_loaded() -> None:
    actions = "memtui.workloads."
    loaded = {name.removeprefix(actions) for name in loaded_by_first_paint() if name.startswith(actions)}
    assert loaded == {"base", "params", "registry", "hugepages", "end", "tmpfs"}
