"""What a command costs from the start of the interpreter to its end, against what nobody can do without."""

from __future__ import annotations

from tests.benchmarks.measure import Measured, cheapest_pythons, ratio

ROUNDS = 7


def tour() -> Measured:
    """CPU of playing the whole tour headless, by that of importing Textual's application."""
    return _against(["-m", "memtui", "run", "tour", "--headless"], ["-c", "import textual.app"])


def help_page() -> Measured:
    """CPU of `memtui --help`, by that of importing typer."""
    return _against(["-m", "memtui", "--help"], ["-c", "import typer"])


def _against(command: list[str], other: list[str]) -> Measured:
    return ratio(*cheapest_pythons([command, other], ROUNDS), unit="ms of CPU")


PARTS = {
    "the interpreter alone": ["-c", "pass"],
    "with typer": ["-c", "import typer"],
    "with pydantic as well": ["-c", "import typer, pydantic; pydantic.BaseModel"],
    "with memtui's own modules as well": ["-c", "import memtui.cli, memtui.commands.run"],
    "a scenario with nothing in it": ["-m", "memtui", "run", "tests/benchmarks/nothing.yaml", "--headless"],
    "the tour": ["-m", "memtui", "run", "tour", "--headless"],
}
"""How far a run gets, step by step: each holds the one before."""


def where_the_tours_time_goes() -> list[tuple[str, float]]:
    """Step by step, the CPU milliseconds from the start of the interpreter to there."""
    return [(name, s * 1000) for name, s in zip(PARTS, cheapest_pythons(list(PARTS.values()), 5), strict=True)]
