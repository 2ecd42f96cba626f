"""The command line: commands and options. What a command does is in `memtui/commands/`, imported when it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, NoReturn

import typer

from memtui import __version__

HELP: Final = """A flight simulator for Linux memory management.

A scenario names a machine and what happens to it; memtui plays it on a simulated clock and
shows what becomes of memory. Without a command it opens the dashboard on the tour.

Exit status: 0 all well, 1 an expectation failed, 2 the input is wrong, 3 the simulated machine
could not go on, 130 interrupted, 143 told to end, 129 its terminal went away; what was played so
far is written before.
"""

TOUR: Final = "tour"
"""The bundled scenario that plays when no other is asked for."""

app = typer.Typer(
    name="memtui",
    help=HELP,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


LISTED: Final = (
    "scenarios",
    "machines",
    "kernels",
    "policies",
    "actions",
    "counters",
    "panels",
    "keys",
    "costs",
    "latencies",
)
"""What `memtui list` can list; `memtui.commands.listing` has the same names."""

JUDGED: Final = ("exact", "noise", "not-modelled", "differs")
"""Verdicts of `memtui recordings`; `memtui.commands.recordings` has the same."""

Source = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A path, the name of a bundled scenario, or - for standard input.")
]
Sources = Annotated[
    list[str], typer.Argument(metavar="SCENARIO...", help="Paths, names of bundled scenarios, or - for standard input.")
]
Seed = Annotated[str | None, typer.Option("--seed", metavar="N", help="Instead of the scenario's own seed.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change any field of the scenario; may be given many times."),
]
Speed = Annotated[
    str | None,
    typer.Option("--speed", metavar="X", help="How fast the dashboard plays: a factor from 0.1 to 1000, or max."),
]
Until = Annotated[str | None, typer.Option("--until", metavar="T", help="Stop at this simulated time, such as 12s.")]
Record = Annotated[str | None, typer.Option("--record", metavar="FILE", help="Write a recording (not built yet).")]
Json = Annotated[
    str | None, typer.Option("--json", metavar="FILE|-", help="Write the result as JSON; - is standard output.")
]
Csv = Annotated[
    str | None, typer.Option("--csv", metavar="FILE|-", help="Write the series as CSV; every 100ms unless --interval.")
]
Interval = Annotated[
    str | None, typer.Option("--interval", metavar="T", help="Simulated time between the samples of the series.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No report, no progress: only data and what is wrong.")]
Glyphs = Annotated[str, typer.Option("--glyphs", metavar="[auto|unicode|block|ascii]", help="Characters to draw with.")]
Theme = Annotated[str | None, typer.Option("--theme", metavar="NAME", help="Colours of the dashboard.")]
Headless = Annotated[bool, typer.Option("--headless", help="No dashboard: play as fast as possible, print a report.")]
Latencies = Annotated[bool, typer.Option("--latencies", help="Histograms of how long operations took, in the report.")]
NoMouse = Annotated[bool, typer.Option("--no-mouse", help="Leave the mouse to the terminal, to select and copy with.")]
History = Annotated[
    str | None, typer.Option("--history", metavar="N", help="Moments of the past the dashboard keeps; usually 1024.")
]
Keys = Annotated[
    list[str] | None,
    typer.Option(
        "--key", metavar="ID=KEY", help="Another key for an action of the dashboard; memtui list keys has them all."
    ),
]
CheckMachine = Annotated[
    bool, typer.Option("--check-machine", help="Prove the machine's laws after every event; slow, for finding faults.")
]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"memtui {__version__}")
        raise typer.Exit()


@app.callback(invoke_without_command=True)
def _tour(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        run(TOUR)


@app.command()
def run(
    scenario: Source,
    headless: Headless = False,
    speed: Speed = None,
    until: Until = None,
    seed: Seed = None,
    sets: Sets = None,
    json: Json = None,
    csv: Csv = None,
    interval: Interval = None,
    record: Record = None,
    quiet: Quiet = False,
    glyphs: Glyphs = "auto",
    theme: Theme = None,
    check_machine: CheckMachine = False,
    latencies: Latencies = False,
    history: History = None,
    no_mouse: NoMouse = False,
    keys: Keys = None,
) -> None:
    """Play a scenario, in the dashboard or headless.

    Where standard output is no terminal, or with --headless, it is played as fast as possible
    and a report is printed.
    """

    def action() -> int:
        from memtui.commands.run import RunOptions
        from memtui.commands.run import run as run_scenario

        return run_scenario(
            RunOptions(
                source=scenario,
                headless=headless,
                seed=seed,
                sets=tuple(sets or ()),
                speed=speed,
                until=until,
                record=record,
                json=json,
                csv=csv,
                interval=interval,
                quiet=quiet,
                glyphs=glyphs,
                theme=theme,
                check_machine=check_machine,
                latencies=latencies,
                history=history,
                mouse=not no_mouse,
                keys=tuple(keys or ()),
            )
        )

    _exit(action)


@app.command()
def snapshot(
    scenario: Source,
    at: Annotated[str, typer.Option("--at", metavar="T", help="The simulated time of the picture.")] = "0s",
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Columns and rows.")] = "120x40",
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE|-", help="Where to: .svg or .txt; - is text to the screen.")
    ] = "-",
    panel: Annotated[str | None, typer.Option("--panel", metavar="NAME", help="One panel alone.")] = None,
    seed: Seed = None,
    sets: Sets = None,
    glyphs: Glyphs = "auto",
    theme: Theme = None,
) -> None:
    """Write a picture of the dashboard to a file.

    The simulated time is that of --at; no terminal is needed.
    """

    def action() -> int:
        from memtui.commands.snapshot import SnapshotOptions, take

        return take(
            SnapshotOptions(
                source=scenario,
                at=at,
                size=size,
                output=output,
                panel=panel,
                seed=seed,
                sets=tuple(sets or ()),
                glyphs=glyphs,
                theme=theme,
            )
        )

    _exit(action)


@app.command()
def check(scenarios: Sources, sets: Sets = None, quiet: Quiet = False) -> None:
    """Validate scenarios.

    Every fault is printed as file:line:column: message.
    """

    def action() -> int:
        from memtui.commands.check import check as check_scenarios

        return check_scenarios(scenarios, tuple(sets or ()), quiet)

    _exit(action)


@app.command(name="list")
def list_(what: Annotated[str, typer.Argument(metavar="WHAT", help=", ".join(LISTED) + ".")]) -> None:
    """List what a scenario or an option can name."""

    def action() -> int:
        from memtui.commands.listing import print_list

        return print_list(what)

    _exit(action)


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files."""

    def action() -> int:
        from memtui.commands.schema import print_schema

        return print_schema()

    _exit(action)


@app.command()
def recordings(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="EXPERIMENT",
            help="Recordings, experiments (hvo-2m), or files a recording program wrote; without any, all.",
        ),
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", metavar="VERDICT", help=", ".join(JUDGED) + ": figures of that verdict.")
    ] = None,
    json: Annotated[
        str | None, typer.Option("--json", metavar="FILE|-", help="Write totals and figures as JSON.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, and only what all come to.")] = False,
    times: Annotated[
        bool, typer.Option("--times", help="Compare how long operations took, on the host where times count.")
    ] = False,
) -> None:
    """Compare the machine with recordings of real kernels.

    What was done to a real kernel is done to the simulated one, and every counter is compared at every step.
    Exit status 1 if any differs.
    """

    def action() -> int:
        if times:
            from memtui.commands.recorded_times import recorded_times

            return recorded_times(names or (), only=only, json=json, quiet=quiet)
        from memtui.commands.recordings import RecordingsOptions
        from memtui.commands.recordings import recordings as compare_recordings

        return compare_recordings(RecordingsOptions(tuple(names or ()), only, json, quiet))

    _exit(action)


@app.command()
def compare(
    scenario: Source,
    versus: Annotated[
        list[str] | None,
        typer.Option("--versus", metavar="PATH=VALUE", help="Another run, with this set; many times for many runs."),
    ] = None,
    sets: Sets = None,
    until: Until = None,
    seed: Seed = None,
    interval: Interval = None,
    counters: Annotated[
        list[str] | None,
        typer.Option("--counter", metavar="NAME", help="Follow this counter over time as well; many times for many."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="With the free lists by order.")] = False,
    json: Json = None,
    quiet: Quiet = False,
) -> None:
    """Play a scenario under several policies or machines, and show what differs.

    The first run is the scenario with --set; each --versus is one more. All are sampled at the
    same simulated moments. The exit status is that of the run that went worst.
    """

    def action() -> int:
        from memtui.commands.compare import CompareOptions, compare_runs

        return compare_runs(
            CompareOptions(
                source=scenario,
                sets=tuple(sets or ()),
                versus=tuple(versus or ()),
                seed=seed,
                until=until,
                interval=interval,
                counters=tuple(counters or ()),
                everything=everything,
                json=json,
                quiet=quiet,
            )
        )

    _exit(action)


NOT_BUILT: Final = {
    "replay": "open a recording",
    "sweep": "a grid of settings, in parallel",
    "host": "the panels over this Linux machine",
    "probe": "a scenario's machine from this one",
    "serve": "the dashboard in a web browser",
}
"""Commands that have their place already, and what they will do."""


def _declare_not_built(name: str, meaning: str) -> None:
    def command() -> NoReturn:
        from memtui.commands.exits import not_built_yet

        not_built_yet(f"memtui {name}")

    anything = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command(name, help=f"Not built yet: {meaning}.", context_settings=anything)(command)


for _name, _meaning in NOT_BUILT.items():
    _declare_not_built(_name, _meaning)


def _exit(action: Callable[[], int]) -> NoReturn:
    """Ends the command with the status of what it does."""
    from memtui.commands.exits import status_of

    raise typer.Exit(status_of(action))
