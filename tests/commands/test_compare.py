"""`memtui compare` from outside: the table, the JSON, the exit status, and what it refuses."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from memtui.cli import app

SCENARIO = """\
memtui: 1
name: Pools
machine: {ram: 2GiB, cpu: {count: 2}}
timeline:
  - {at: 1s, nr_hugepages: 16}
expect:
  - at: end
    HugePages_Total: 16
"""


def memtui(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["compare", "-", *arguments], input=SCENARIO, prog_name="memtui")


def table(result: Result) -> dict[str, list[str]]:
    """Rows of the report by name."""
    lines = [line.split() for line in result.stdout.splitlines() if line.strip()]
    return {words[0].rstrip(","): words[1:] for words in lines}


def test_four_policies_stand_in_one_table() -> None:
    result = memtui(
        "--set",
        "machine.kernel.direct_map=auto",
        "--versus",
        "machine.kernel.direct_map=no_1g",
        "--versus",
        "machine.kernel.direct_map=all_4k",
    )
    assert result.exit_code == 0
    assert "Pools: 3 runs side by side" in result.stdout
    assert "the same in all: 2.00 GiB, Linux 6.18, 2 CPUs; seed 0".replace("; seed", ", seed") in result.stdout
    assert "auto           no_1g          all_4k" in result.stdout
    assert table(result)["DirectMap2M"][-3:] == ["0", "0.000", "s"]
    assert table(result)["expectations"] == ["met", "1", "of", "1", "1", "of", "1", "1", "of", "1"]


def test_the_status_is_that_of_the_run_that_went_worst() -> None:
    result = memtui("--versus", "timeline.0.nr_hugepages=8")
    assert result.exit_code == 1
    assert "nr_hugepages=8" in result.stdout
    assert "as written" in result.stdout
    assert "nr_hugepages=8:\n" in result.stderr
    assert "HugePages_Total is 8, expected 16" in result.stderr


def test_a_counter_is_followed_over_time() -> None:
    result = memtui("--versus", "timeline.0.nr_hugepages=8", "--counter", "HugePages_Total", "--interval", "500ms")
    lines = result.stdout.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("HugePages_Total"))
    assert [line.split() for line in lines[start + 1 : start + 3]] == [
        ["0.000", "s", "0", "0"],
        ["0.500", "s", "0", "0"],
    ]
    assert lines[-1].split() == ["at", "the", "end", "16", "8"]


def test_runs_that_do_not_differ_say_so() -> None:
    result = memtui("--set", "name=Pools", "--versus", "timeline.0.nr_hugepages=16")
    assert "nothing differs" in result.stdout


def test_free_lists_are_left_out_unless_wanted() -> None:
    short, long = (memtui("--versus", "timeline.0.nr_hugepages=8", *more) for more in ((), ("--all",)))
    assert "free lists differ in" in short.stdout
    assert "buddyinfo" not in short.stdout
    assert "buddyinfo.0.DMA32" in long.stdout


def test_the_json_has_what_differs_and_every_run() -> None:
    result = memtui("--versus", "timeline.0.nr_hugepages=8", "--json", "-", "--interval", "500ms")
    assert result.exit_code == 1
    data = json.loads(result.stdout)
    assert data["compared"] == ["as written", "nr_hugepages=8"]
    assert data["differences"]["HugePages_Total"]["at_end"] == [16, 8]
    assert data["differences"]["HugePages_Total"]["since_s"] is None
    assert [run["counters"]["HugePages_Total"] for run in data["runs"]] == [16, 8]
    assert data["runs"][1]["settings"] == ["timeline.0.nr_hugepages=8"]
    assert data["runs"][0]["series"]["time_s"][:2] == [0.0, 0.5]
    assert result.stdout == memtui("--versus", "timeline.0.nr_hugepages=8", "--json", "-", "--interval", "500ms").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "memtui: nothing to compare with; expected --versus PATH=VALUE"),
        (("--versus", "seed=1", "--versus", "seed=1"), "memtui: --versus seed=1 is there twice"),
        (("--versus", "machine.cpu.tlb=zen5"), "--versus machine.cpu.tlb=zen5: tlb: 'zen5' is unknown"),
        (("--versus", "seed"), "--versus seed: expected PATH=VALUE"),
        (("--versus", "seed=1", "--counter", "MemFre"), "memtui: --counter: unknown counter 'MemFre'; did you mean"),
        (("--versus", "seed=1", "--interval", "0"), "memtui: --interval: 0 is no interval"),
        (("--versus", "seed=1", "--interval", "1ns"), "memtui: --interval: sampling every 1 ns makes more than"),
        (("--versus", "seed=1", "--json", "/nowhere/x.json"), "memtui: --json: cannot write /nowhere/x.json"),
    ],
)
def test_what_cannot_be_compared_is_answered_in_one_line(arguments: tuple[str, ...], words: str) -> None:
    result = memtui(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(words)
    assert result.stderr.count("\n") == 1
