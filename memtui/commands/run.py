"""`memtui run`: a scenario in the dashboard, or without a screen."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Final, NamedTuple

import memtui
from memtui.commands import files, inputs, outcome
from memtui.commands.exits import Status, not_built_yet, say
from memtui.commands.inputs import GLYPH_SETS, BadInput
from memtui.commands.outcome import Outputs
from memtui.commands.terminal import Interruptible, has_screen, keyboard_at_hand
from memtui.report import text
from memtui.report.progress import progress_bar
from memtui.scenario import Scenario
from memtui.sources.headless import Watch, play
from memtui.sources.result import Result
from memtui.sources.rewind import Rewind
from memtui.sources.samples import BadInterval
from memtui.sources.simulation import Simulation
from memtui.units import MS, format_clock

CSV_INTERVAL_NS: Final = 100 * MS
"""Simulated time between the rows of `--csv` when `--interval` does not say."""


class RunOptions(NamedTuple):
    """The options of a run, as they were written."""

    source: str
    headless: bool = False
    seed: str | None = None
    sets: tuple[str, ...] = ()
    speed: str | None = None
    until: str | None = None
    record: str | None = None
    json: str | None = None
    csv: str | None = None
    interval: str | None = None
    quiet: bool = False
    glyphs: str = "auto"
    theme: str | None = None
    check_machine: bool = False
    latencies: bool = False
    history: str | None = None
    mouse: bool = True
    keys: tuple[str, ...] = ()


class Settings(NamedTuple):
    """The same options, understood."""

    seed: int | None
    speed: float
    until_ns: int | None
    interval_ns: int | None
    outputs: Outputs
    quiet: bool
    history: int

    @property
    def wants_report(self) -> bool:
        """Whether the readable report goes to standard output, which then holds nothing else."""
        return not self.quiet and not self.outputs.on_standard_output


def run(options: RunOptions) -> int:
    """Plays a scenario; the exit status."""
    settings = understood(options)
    scenario = memtui.load(options.source, options.sets)
    if options.headless or not has_screen() or not keyboard_at_hand():
        return _headless(scenario, options, settings)
    return _dashboard(scenario, options, settings)


def understood(options: RunOptions) -> Settings:
    """The options as figures. Raises BadInput for the first that cannot be used."""
    if options.record is not None:
        not_built_yet("--record")
    json, csv = files.writable("--json", options.json), files.writable("--csv", options.csv)
    if json is not None and json == csv:
        raise BadInput(f"--json and --csv cannot both be written to {json}")
    inputs.theme(options.theme)
    if options.keys:
        inputs.actions("--key", options.keys, os.environ)
    inputs.one_of("--glyphs", options.glyphs, GLYPH_SETS)
    interval_ns = inputs.interval_ns("--interval", options.interval)
    return Settings(
        seed=inputs.seed("--seed", options.seed),
        speed=inputs.speed("--speed", options.speed),
        until_ns=None if options.until is None else inputs.moment_ns("--until", options.until),
        interval_ns=CSV_INTERVAL_NS if interval_ns is None and csv is not None else interval_ns,
        outputs=Outputs(json, csv, series_in_json=interval_ns is not None),
        quiet=options.quiet,
        history=inputs.history("--history", options.history),
    )


def _headless(scenario: Scenario, options: RunOptions, settings: Settings) -> int:
    simulation = Simulation(scenario, settings.seed, check_every_event=options.check_machine)
    planned_ns = simulation.planned_ns
    end_ns = planned_ns if settings.until_ns is None else min(settings.until_ns, planned_ns)
    with Interruptible() as interrupted:
        with progress_bar(scenario.name, end_ns, not settings.quiet) as progress:

            def watch(now_ns: int) -> bool:
                progress(now_ns)
                return interrupted.asked

            result = _played(simulation, settings, settings.until_ns, watch)
        interrupted.settle()
        if result.interrupted:
            where = "in the middle of an event " if result.abandoned else ""
            say(f"memtui: interrupted {where}at {format_clock(result.simulated_ns)}")
        outcome.write(result, settings.outputs)
        if settings.wants_report:
            sys.stdout.write(text.render(result, latencies=options.latencies))
        else:
            outcome.complain(result)
    return interrupted.status if interrupted.asked else outcome.status(result)


def _dashboard(scenario: Scenario, options: RunOptions, settings: Settings) -> int:
    """Shows the scenario; what is asked for in files is that of the moment the dashboard was left at."""
    from memtui.tui.run import run_dashboard

    actions = inputs.actions("--key", options.keys, os.environ)
    simulation = Simulation(scenario, settings.seed, check_every_event=options.check_machine)
    try:
        left = run_dashboard(
            simulation,
            speed=settings.speed,
            theme=options.theme,
            glyphs=options.glyphs,
            until_ns=settings.until_ns,
            history=settings.history,
            mouse=options.mouse,
            past=Rewind(simulation),
            actions=actions,
            keep=lambda halt: _keep(simulation, settings, max(0, simulation.now_ns - 1), lambda now_ns: halt()),
        )
    except ValueError as error:
        raise BadInput(str(error)) from None
    if left == Status.STOPPED:
        return left
    with Interruptible() as interrupted:
        _keep(simulation, settings, simulation.now_ns, lambda now_ns: interrupted.asked, interrupted.settle)
    outcome.complain(simulation)
    return left or (interrupted.status if interrupted.asked else outcome.status(simulation))


def _keep(
    simulation: Simulation,
    settings: Settings,
    end_ns: int,
    watch: Watch,
    settle: Callable[[], None] = lambda: None,
) -> None:
    """Writes the files that were asked for, by playing the run once more up to where it was left.

    The simulation itself is not touched: it may be inside of an event, in another thread, and
    `end_ns` is then just before it.
    """
    if settings.outputs.wanted:
        result = _played(simulation.again(), settings, end_ns, watch)
        asked_for = settings.until_ns is not None and end_ns >= settings.until_ns
        settle()
        result.interrupted |= not simulation.finished and not asked_for
        outcome.write(result, settings.outputs)


def _played(simulation: Simulation, settings: Settings, until_ns: int | None, watch: Watch | None) -> Result:
    try:
        return play(simulation, until_ns=until_ns, interval_ns=settings.interval_ns, watch=watch)
    except BadInterval as error:
        raise BadInput(f"--interval: {error}") from None
