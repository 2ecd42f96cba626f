"""`memtui recordings`: what it prints where, what it takes, and how it exits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from memtui.cli import JUDGED, app
from memtui.commands.recordings import VERDICTS
from memtui.recordings import archive
from memtui.recordings.case import Row, Verdict
from memtui.report.recorded import Table, Totals

IDLE = "guest-7.2-boot-8G"


def recordings(*arguments: str) -> Result:
    """Runs the command; standard output is no terminal here."""
    return CliRunner().invoke(app, ["recordings", *arguments], prog_name="memtui")


def refusal(*arguments: str) -> str:
    """The only line of a run that was refused."""
    result = recordings(*arguments)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    return result.stderr.rstrip("\n")


def test_a_table_has_every_counter_with_both_figures_a_verdict_and_the_totals() -> None:
    result = recordings(IDLE)
    assert result.exit_code == 0
    assert result.stderr == ""
    table, totals = result.stdout.split("\n\n")
    heading, *rows = table.splitlines()
    assert heading.split() == ["experiment", "step", "counter", "recorded", "simulated", "verdict", "why"]
    assert next(row for row in rows if " DirectMap1G " in row).split() == [
        *(IDLE, "0", "idle", "DirectMap1G", "7", "340", "032", "7", "340", "032", "exact")
    ]
    counted = totals.splitlines()[-1].split()
    assert counted[:2] == ["1", "recording"]
    assert sum(int(figure) for figure in counted[2:]) == len(rows)


def test_an_experiment_stands_for_its_recordings_on_every_kernel_and_host() -> None:
    result = recordings("idle", "--quiet")
    assert result.stdout.splitlines()[-1].startswith("4 recordings ")
    several = recordings("idle2", "guest-6.1-idle2", "--quiet")
    assert several.stdout.splitlines()[-1].startswith("2 recordings ")


def test_only_one_verdict() -> None:
    result = recordings(IDLE, "--only", "not-modelled")
    table = result.stdout.split("\n\n")[0].splitlines()[1:]
    assert table
    assert all(" not modelled  " in line for line in table)


def test_json_on_standard_output_is_all_there_is_on_it() -> None:
    result = recordings(IDLE, "--only", "exact", "--json", "-")
    written = json.loads(result.stdout)
    assert written["recordings"][IDLE]["differs"] == 0
    assert written["recordings"][IDLE]["exact"] == len(written["figures"])
    assert {"recording", "number", "step", "counter", "recorded", "simulated", "verdict", "why"} == set(
        written["figures"][0]
    )


def test_json_goes_to_a_file(tmp_path: Path) -> None:
    result = recordings(IDLE, "--quiet", "--json", str(tmp_path / "out.json"))
    assert json.loads((tmp_path / "out.json").read_text())["recordings"].keys() == {IDLE}
    assert len(result.stdout.splitlines()) == 2


def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path) -> None:
    assert refusal("hvo2m") == "memtui: no recording or experiment 'hvo2m'; did you mean 'hvo-2m'?"
    assert "did you mean 'guest-7.2-hvo-2m'?" in refusal("gest-7.2-hvo-2m")
    assert refusal("zzz").startswith("memtui: no recording or experiment 'zzz'")
    assert refusal("--only", "diffrs") == (
        "memtui: --only: 'diffrs' is not one of exact, noise, not-modelled, differs; did you mean 'differs'?"
    )
    assert refusal("/nowhere/guest.json") == "memtui: cannot read /nowhere/guest.json: No such file or directory"
    assert "cannot write" in refusal("--json", str(tmp_path / "no" / "out.json"))
    broken = tmp_path / "guest-6.1-idle.json"
    broken.write_text('{"steps": []}')
    assert "not a recording" in refusal(str(broken))


def test_a_file_of_a_recording_program_is_played_as_well(tmp_path: Path) -> None:
    path = tmp_path / "guest-6.1-oom-again.json"
    path.write_text(json.dumps(raw_recording()))
    result = recordings(str(path), "--json", "-")
    assert result.exit_code == 0
    figures = {
        (row["step"], row["counter"]): (row["recorded"], row["simulated"])
        for row in json.loads(result.stdout)["figures"]
    }
    assert figures["after_oom", "oom_kill"] == (1, 1)


def raw_recording() -> dict[str, object]:
    """What a recording program would have written of one process killed for lack of memory."""
    start = {"MemTotal": 983744, "MemFree": 948404, "DirectMap4k": 24448, "DirectMap2M": 1024000}
    steps = [
        ("start", {"mode": "oom"}, {}),
        ("after_oom", {"status": 9}, {"oom_kill": 1}),
    ]
    return {
        "header": {
            "guest_memory": "1G",
            "cmdline": "nokaslr",
            "cpu": "max,la57=off",
            "kernel": "6.1.0",
            "thp": "[always] madvise never",
            "command": "exp_pressure oom",
            "counters": {"meminfo_kb": list(start), "vmstat": ["oom_kill"]},
        },
        "steps": [
            {
                "step": name,
                "args": args,
                "at_s": 0.0,
                "op_s": 0.0,
                "meminfo_kb": start,
                "vmstat": vmstat,
                "pcp_pages": 0,
                "slab_active": {},
            }
            for name, args, vmstat in steps
        ],
    }


def test_the_command_line_knows_the_verdicts_there_are() -> None:
    assert tuple(VERDICTS) == JUDGED
    assert set(VERDICTS.values()) == set(Verdict)


@pytest.mark.parametrize("width", [20, 40, 80, 120, 170, 200])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    row = Row("guest-6.1-secretmem-aged", 12, "release", "MemAvailable", -1234567, 1234, Verdict.NOISE, "why " * 30)
    table, totals = Table(width), Totals(width, [row.recording])
    lines = [
        *table.heading(),
        *table.lines(row),
        *totals.heading(),
        *totals.lines(row.recording, {Verdict.EXACT: 1000}),
    ]
    words = [word for line in lines for word in line.split()]
    assert max(map(len, lines)) <= max(width, *map(len, words), len("guest-6.1-secretmem-aged"))
    assert words.count("why") - ("verdict" in words) * 1 >= 30


def test_the_verdict_of_a_recording_that_differs_is_exit_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Row(IDLE, 0, "idle", "MemFree", 1, 2, Verdict.DIFFERS, "")
    monkeypatch.setattr("memtui.commands.recordings.compare", lambda *arguments: [row])
    result = recordings(archive.names()[0])
    assert result.exit_code == 1
    assert "differs" in result.stdout


def test_times_have_a_line_per_operation_and_a_verdict() -> None:
    result = recordings("host-tmpfs-never-quiet", "--times")
    assert result.exit_code == 0
    heading, *rows, summary = result.stdout.splitlines()
    assert heading.split() == ["experiment", "operation", "times", "recorded", "simulated", "verdict"]
    assert all(row.startswith("host-tmpfs-never-quiet  ") for row in rows)
    assert any(row.endswith("  within") for row in rows)
    assert any(row.endswith("not compared: drop_caches goes through all the slabs of the host") for row in rows)
    assert summary.endswith(" operations as long as recorded, none not, 2 not compared")


def test_times_are_those_of_the_quiet_host() -> None:
    assert "none of these recordings has times that count; those that have are host-anon-vmas-quiet, " in refusal(
        "guest-6.1-hvo-2m", "--times"
    )
    assert "--only is for counters; expected without --times" in refusal(IDLE, "--times", "--only", "exact")
