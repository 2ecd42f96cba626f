"""The command line from outside: what it prints where, and how it exits."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from textual.theme import BUILTIN_THEMES
from typer.testing import CliRunner, Result

from memtui import __version__
from memtui.cli import LISTED, NOT_BUILT, app
from memtui.commands.listing import KINDS
from memtui.commands.terminal import Interruptible
from memtui.commands.theme_names import THEME_NAMES
from memtui.machine import Machine, MachineConfig, MachineStopped
from memtui.tui.themes import THEMES

SCENARIO = """\
memtui: 1
name: A pool grows
seed: 3
machine: {like: vm-8g}
timeline:
  - at: 1s
    nr_hugepages: 16
  - at: 2s
    nr_hugepages: 4
expect:
  - at: 1500ms
    HugePages_Total: 16
  - at: end
    HugePages_Total: 4
"""


def memtui(*arguments: str, stdin: str = SCENARIO) -> Result:
    """Runs the command line in this process; standard output is no terminal here."""
    return CliRunner().invoke(app, list(arguments), input=stdin, prog_name="memtui")


def one_line(result: Result) -> str:
    """The only line on standard error of a run that was refused."""
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr.rstrip("\n")


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    """A scenario in a file."""
    path = tmp_path / "pool.yaml"
    path.write_text(SCENARIO)
    return str(path)


def test_help_names_every_command_and_the_exit_statuses() -> None:
    result = memtui("--help")
    assert result.exit_code == 0
    for command in ("run", "snapshot", "check", "list", "schema", "compare", *NOT_BUILT):
        assert f"\n  {command} " in result.stdout
    assert "130 interrupted" in result.stdout
    assert result.stdout.count("Not built yet: ") == len(NOT_BUILT)


def test_version() -> None:
    assert memtui("--version").stdout == f"memtui {__version__}\n"


@pytest.mark.parametrize("command", list(NOT_BUILT))
def test_what_is_not_built_yet_says_so_in_one_line(command: str) -> None:
    assert one_line(memtui(command, "x.yaml", "--set", "a=1")) == f"memtui: memtui {command} is not built yet"


def test_recording_is_not_built_yet() -> None:
    assert one_line(memtui("run", "-", "--record", "x.memtui")) == "memtui: --record is not built yet"


def test_without_a_terminal_run_prints_the_report() -> None:
    result = memtui("run", "-")
    assert result.exit_code == 0
    assert result.stdout.startswith("A pool grows\nvm-8g: 8.00 GiB, Linux 6.18, 1 node, 2 CPUs; seed 3\n")
    assert "  HugePages_Total" in result.stdout
    assert "what was expected: 2 met\n" in result.stdout
    assert result.stderr == ""


def test_json_on_standard_output_is_nothing_else() -> None:
    result = memtui("run", "-", "--headless", "--json", "-")
    read = json.loads(result.stdout)
    assert (read["scenario"], read["seed"], read["counters"]["HugePages_Total"]) == ("A pool grows", 3, 4)
    assert "series" not in read
    assert result.stderr == ""


def test_json_to_a_file_leaves_the_report_on_standard_output(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    result = memtui("run", "-", "--json", str(path), "--interval", "1s")
    assert result.stdout.startswith("A pool grows\n")
    assert json.loads(path.read_text())["series"]["HugePages_Total"][2:] == [4, 4]


def test_csv_has_a_row_every_interval() -> None:
    rows = memtui("run", "-", "--csv", "-", "--interval", "500ms").stdout.splitlines()
    column = rows[0].split(",").index("HugePages_Total")
    assert [row.split(",")[0] for row in rows[1:-1]] == ["0.0", "0.5", "1.0", "1.5", "2.0"]
    assert [row.split(",")[column] for row in rows[1:]][3:] == ["16", "4", "4"]


def test_csv_without_an_interval_has_ten_rows_a_second_and_the_json_no_series(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    rows = memtui("run", "-", "--csv", "-", "--json", str(path)).stdout.splitlines()
    assert [row.split(",")[0] for row in rows[1:4]] == ["0.0", "0.1", "0.2"]
    assert "series" not in json.loads(path.read_text())


def test_quiet_prints_nothing_when_all_is_well() -> None:
    result = memtui("run", "-", "--quiet")
    assert (result.exit_code, result.output) == (0, "")


def test_a_failed_expectation_exits_with_1_and_names_its_line() -> None:
    wrong = SCENARIO.replace("HugePages_Total: 16", "HugePages_Total: 17")
    result = memtui("run", "-", "--quiet", stdin=wrong)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "<stdin>:12:5: HugePages_Total is 16, expected 17\n"
    assert "  FAIL  at 1.500 s: HugePages_Total is 16, expected 17\n" in memtui("run", "-", stdin=wrong).stdout


def test_the_picture_of_the_end_says_how_many_expectations_failed() -> None:
    wrong = SCENARIO.replace("HugePages_Total: 16", "HugePages_Total: 17")
    header = memtui("snapshot", "-", "--at", "3s", stdin=wrong).stdout.splitlines()[0]
    assert header.endswith("FAILED 1 of 2")
    assert memtui("snapshot", "-", "--at", "3s").stdout.splitlines()[0].rstrip().endswith("FINISHED")


def test_seed_set_and_until_change_the_run() -> None:
    result = memtui("run", "-", "--json", "-", "--seed", "9", "--until", "1.7s", "--set", "timeline.0.nr_hugepages=5")
    read = json.loads(result.stdout)
    assert (read["seed"], read["simulated_s"], read["counters"]["HugePages_Total"]) == (9, 1.7, 5)
    assert result.exit_code == 1


def test_what_until_does_not_reach_has_not_failed() -> None:
    result = memtui("run", "-", "--until", "1.6s")
    assert result.exit_code == 0
    assert "what was expected: 1 met, 1 not reached\n" in result.stdout
    assert "what was expected: 0 met, 2 not reached\n" in memtui("run", "-", "--until", "1s").stdout
    read = json.loads(memtui("run", "-", "--until", "1.6s", "--json", "-").stdout)
    assert [expectation["verdict"] for expectation in read["expectations"]] == ["met", "not reached"]
    assert read["interrupted"] is False


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--speed", "warp"), "memtui: --speed: 'warp' is no speed; expected a factor from 0.1 to 1000, or max"),
        (("--until", "soon"), "memtui: --until: 'soon' is not a time; expected a time such as"),
        (("--interval", "0s"), "memtui: --interval: 0 is no interval; expected a time above zero, such as 100ms"),
        (("--interval", "1ns"), "memtui: --interval: sampling every 1 ns makes more than 50 000 rows by 2.000 s"),
        (("--seed", "1.5"), "memtui: --seed: '1.5' is no seed; expected a whole number"),
        (("--json", "-", "--csv", "-"), "memtui: --json and --csv cannot both be written to -"),
        (("--json", "."), "memtui: --json: cannot write .: it is a directory"),
        (("--set", "seed"), "--set seed: expected PATH=VALUE"),
    ],
)
def test_options_that_cannot_be_used_are_answered_in_one_line(arguments: tuple[str, ...], words: str) -> None:
    assert one_line(memtui("run", "-", *arguments)).startswith(words)


def test_a_missing_scenario_is_answered_in_one_line() -> None:
    assert "no such file" in one_line(memtui("run", "none.yaml"))


def test_an_unknown_option_exits_with_2() -> None:
    result = memtui("run", "-", "--frobnicate")
    assert result.exit_code == 2
    assert "No such option: --frobnicate" in result.stderr


def test_faults_of_a_scenario_are_shown_with_their_lines() -> None:
    result = memtui("run", "-", stdin=SCENARIO.replace("nr_hugepages: 16", "nr_hugepage: 16"))
    assert result.exit_code == 2
    assert result.stderr.startswith("<stdin>:7:5: ")
    assert "did you mean 'nr_hugepages'?" in result.stderr
    assert result.stdout == ""


def test_check_says_nothing_on_standard_output_for_a_good_scenario(scenario: str) -> None:
    result = memtui("check", scenario)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"{scenario}: ok\n")
    assert memtui("check", scenario, "--quiet").stderr == ""


def test_check_tells_every_fault_of_every_file(scenario: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("machine: {ram: 2MB}\ntimelin: []\n")
    result = memtui("check", scenario, str(bad))
    assert result.exit_code == 2
    places = [line for line in result.stdout.splitlines() if line.startswith(str(bad))]
    assert [line.removeprefix(str(bad)).split(": ")[0] for line in places] == [":1:16", ":2:1"]


@pytest.mark.parametrize(
    ("what", "known"),
    [
        ("scenarios", "tour"),
        ("machines", "server-64g"),
        ("kernels", "6.18"),
        ("policies", "hugetlb_vmemmap"),
        ("actions", "fork_storm"),
        ("counters", "  direct_map_level2_splits"),
        ("panels", "vmemmap"),
        ("costs", "flush all TLBs"),
        ("latencies", "alloc_hugetlb_page"),
    ],
)
def test_list_prints_names_with_their_meaning_in_a_hundred_columns(what: str, known: str) -> None:
    result = memtui("list", what)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert any(line.startswith(f"{known} ") for line in lines)
    assert max(map(len, lines)) <= 100


def test_list_of_nothing_known_exits_with_2() -> None:
    known = "scenarios, machines, kernels, policies, actions, counters, panels, keys, costs, latencies"
    assert one_line(memtui("list", "frames")) == f"memtui: memtui list: 'frames' is not one of {known}"
    words = f"memtui: memtui list: 'scenario' is not one of {known}; did you mean 'scenarios'?"
    assert one_line(memtui("list", "scenario")) == words
    assert tuple(KINDS) == LISTED


@pytest.mark.parametrize("command", ["run", "snapshot"])
def test_themes_glyphs_and_files_that_are_none_are_refused_without_a_screen_too(command: str) -> None:
    assert one_line(memtui(command, "-", "--theme", "pink")).startswith(
        "memtui: no theme 'pink'; expected one of memtui"
    )
    words = "memtui: --glyphs: 'asci' is not one of auto, unicode, block, ascii; did you mean 'ascii'?"
    assert one_line(memtui(command, "-", "--glyphs", "asci")) == words


def test_a_file_without_a_name_is_refused() -> None:
    assert (
        one_line(memtui("run", "-", "--json", ""))
        == "memtui: --json: expected the name of a file, or - for standard output"
    )


def test_the_table_of_themes_is_all_there_are() -> None:
    assert (*(theme.name for theme in THEMES), *sorted(BUILTIN_THEMES)) == THEME_NAMES


def test_a_picture_after_the_end_says_that_it_is_of_the_end() -> None:
    result = memtui("snapshot", "-", "--at", "9s")
    assert result.exit_code == 0
    assert result.stderr.startswith("memtui: the run ends at 2.000 s: the picture is of that moment\n")


def test_schema_is_json() -> None:
    assert json.loads(memtui("schema").stdout)["title"] == "memtui scenario"


def test_snapshot_draws_text_of_the_asked_size() -> None:
    result = memtui("snapshot", "-", "--at", "1.5s", "--size", "100x30", "--glyphs", "ascii")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert len(lines) == 30
    assert max(map(len, lines)) <= 100
    assert result.stdout.isascii()
    assert "A pool grows" in lines[0]
    assert "1.500 s" in lines[0]


def test_snapshot_writes_files_by_their_suffix(tmp_path: Path) -> None:
    picture, page = tmp_path / "a.svg", tmp_path / "a.txt"
    assert memtui("snapshot", "-", "--at", "1s", "-o", str(picture)).exit_code == 0
    assert memtui("snapshot", "-", "--at", "1s", "-o", str(page), "--panel", "vmemmap").exit_code == 0
    assert picture.read_text().startswith("<svg")
    assert "struct pages" in page.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--size", "big"), "memtui: --size: 'big' is no size; expected columns and rows such as 120x40"),
        (("--at", "later"), "memtui: --at: 'later' is not a time"),
        (("-o", "picture.png"), "memtui: --output: picture.png is neither .svg nor .txt"),
        (("--panel", "frames"), "memtui: no panel 'frames'; expected one of direct-map, vmemmap, tlb"),
        (("-o", "a.svg", "--theme", "pink"), "memtui: no theme 'pink'; expected one of memtui"),
    ],
)
def test_pictures_that_cannot_be_made_are_answered_in_one_line(
    arguments: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert one_line(memtui("snapshot", "-", *arguments)).startswith(words)
    assert list(tmp_path.iterdir()) == []


def test_no_command_plays_the_tour() -> None:
    result = memtui()
    assert result.exit_code == 0
    assert result.stdout.startswith("The tour\n")


def test_an_interrupted_run_writes_what_there_is_and_exits_with_130(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def asked(self: Interruptible) -> Interruptible:
        self.asked = True
        return self

    monkeypatch.setattr(Interruptible, "__enter__", asked)
    path = tmp_path / "out.json"
    result = memtui("run", "-", "--json", str(path))
    assert result.exit_code == 130
    assert result.stderr == "memtui: interrupted at 1.000 s\n"
    read = json.loads(path.read_text())
    assert (read["simulated_s"], read["interrupted"]) == (1.0, True)
    assert result.stdout.startswith("A pool grows\n")
    assert "\ninterrupted before its end\n" in result.stdout


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_leaves_the_event_and_writes_what_there_is(
    number: signal.Signals, status: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def ask_twice(machine: Machine) -> int:
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        raise AssertionError("the event went on")

    monkeypatch.setattr(Machine, "take_ns", ask_twice)
    path = tmp_path / "out.json"
    result = memtui("run", "-", "--json", str(path), "--interval", "500ms")
    assert result.exit_code == status
    assert result.stderr == "memtui: interrupted in the middle of an event at 1.000 s\n"
    read = json.loads(path.read_text())
    assert (read["simulated_s"], read["interrupted"], read["series"]["time_s"][-1]) == (1.0, True, 1.0)
    assert "\ninterrupted in the middle of an event\n" in result.stdout


def test_a_machine_that_cannot_go_on_exits_with_3_unless_that_is_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    def deadlock(machine: Machine) -> int:
        raise MachineStopped("out of memory and nothing left to kill")

    monkeypatch.setattr(Machine, "take_ns", deadlock)
    result = memtui("run", "-", "--quiet")
    assert result.exit_code == 3
    assert result.stderr.startswith("memtui: the machine could not go on: out of memory and nothing left to kill\n")
    expected = "timeline: [{at: 1s, nr_hugepages: 16}]\nexpect: [{at: end, sim_stopped: 1}]\n"
    assert memtui("run", "-", "--quiet", stdin=expected).exit_code == 0


def test_a_machine_that_cannot_boot_exits_with_3(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(machine: Machine, config: MachineConfig) -> None:
        raise MachineStopped("cannot boot: no memory for the memmap")

    monkeypatch.setattr(Machine, "__init__", refuse)
    result = memtui("run", "-")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == "memtui: the machine cannot go on: cannot boot: no memory for the memmap\n"
