"""`memtui compare`: one scenario under several policies or machines, on one clock, side by side."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import memtui
from memtui.commands import files, inputs, outcome
from memtui.commands.exits import Status, say
from memtui.commands.files import STANDARD_STREAM
from memtui.commands.inputs import BadInput
from memtui.commands.terminal import Interruptible
from memtui.fields import field
from memtui.report import side_by_side, side_by_side_json
from memtui.report.progress import steps_bar
from memtui.scenario.faults import did_you_mean
from memtui.scenario.files import read_source
from memtui.scenario.loader import load_text
from memtui.sources.samples import BadInterval
from memtui.sources.side_by_side import Comparison, Variant, compare
from memtui.units import format_clock, shorten

AS_WRITTEN = "as written"
"""The label of the run that is as the scenario has it."""


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """The options, as they were written."""

    source: str
    sets: tuple[str, ...] = ()
    versus: tuple[str, ...] = ()
    seed: str | None = None
    until: str | None = None
    interval: str | None = None
    counters: tuple[str, ...] = ()
    everything: bool = False
    json: str | None = None
    quiet: bool = False


def compare_runs(options: CompareOptions) -> int:
    """Plays and compares; the exit status is that of the run that went worst."""
    seed = inputs.seed("--seed", options.seed)
    until_ns = None if options.until is None else inputs.moment_ns("--until", options.until)
    interval_ns = inputs.interval_ns("--interval", options.interval)
    json = files.writable("--json", options.json)
    _check_counters(options.counters)
    variants = variants_of(options.source, options.sets, options.versus)
    playing = variants[0]
    with Interruptible() as interrupted:
        with steps_bar(variants[0].scenario.name, len(variants), not options.quiet) as done:

            def watch(variant: Variant, now_ns: int) -> bool:
                nonlocal playing
                if variant is not playing:
                    done(playing.label)
                    playing = variant
                return interrupted.asked

            try:
                compared = compare(variants, seed, until_ns=until_ns, interval_ns=interval_ns, watch=watch)
            except BadInterval as error:
                raise BadInput(f"--interval: {error}") from None
        interrupted.settle()
        _write(compared, options, json)
    if interrupted.asked:
        say(f"memtui: interrupted at {format_clock(compared.results[-1].simulated_ns)} of {playing.label}")
        return interrupted.status
    return max(outcome.status(result) for result in compared.results)


def variants_of(source: str, sets: Sequence[str], versus: Sequence[str]) -> list[Variant]:
    """The scenario with `--set` alone, then once more for each `--versus`. Raises BadInput and ScenarioError."""
    if not versus:
        raise BadInput("nothing to compare with; expected --versus PATH=VALUE, such as machine.cpu.tlb=zen4")
    for option in versus:
        if versus.count(option) > 1:
            raise BadInput(f"--versus {shorten(option, 80)} is there twice; expected runs that differ")
    text, name = read_source(source)
    base = load_text(text, name, sets)
    varied = {_path(option) for option in versus}
    own = [option for option in sets if _path(option) in varied]
    alone = len(varied) == 1 and bool(own)
    variants = [Variant(_label(own, alone=alone) if own else AS_WRITTEN, base, tuple(sets))]
    for option in versus:
        kept = tuple(each for each in sets if _path(each) != _path(option))
        scenario = load_text(text, name, kept, [option])
        variants.append(Variant(_label([option], alone=alone), scenario, (*kept, option)))
    return variants


def _path(option: str) -> str:
    return option.partition("=")[0].strip()


def _label(options: Sequence[str], *, alone: bool) -> str:
    """What a run is called: the value alone where all runs differ in one setting, else its name too."""
    words = []
    for option in options:
        path, _, value = option.partition("=")
        value = value.strip().strip("'\"")
        words.append(value if alone else f"{path.strip().rpartition('.')[2]}={value}")
    return shorten(" ".join(words), 40)


def _check_counters(names: Sequence[str]) -> None:
    from memtui.fields import FIELDS

    for name in names:
        if field(name) is None:
            hint = did_you_mean(name, FIELDS) or "; `memtui list counters` names them all"
            raise BadInput(f"--counter: unknown counter {shorten(name)!r}{hint}")


def _write(compared: Comparison, options: CompareOptions, json: str | None) -> None:
    if json is not None:
        files.write("--json", json, side_by_side_json.render(compared, memtui.__version__))
    if not options.quiet and json != STANDARD_STREAM:
        sys.stdout.write(side_by_side.render(compared, options.counters, everything=options.everything))
    for variant, result in zip(compared.variants, compared.results, strict=False):
        if outcome.status(result) != Status.WELL:
            say(f"{variant.label}:")
            outcome.complain(result)
