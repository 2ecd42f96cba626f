"""Where scenarios come from, and what cannot be read."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from memtui.scenario import ScenarioError, bundled, load
from memtui.scenario import files as scenario_files
from memtui.scenario.reader import MAX_BYTES


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the scenarios that ship with memtui; the tests run beside it."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    for name in ("tour", "fork-storm"):
        (folder / f"{name}.yaml").write_text(f"name: The {name}\n")
    (folder / "notes.txt").write_text("no scenario")
    found = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    monkeypatch.setattr(scenario_files, "bundled_files", lambda: found)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def message(source: str | Path) -> str:
    with pytest.raises(ScenarioError) as caught:
        load(source)
    return str(caught.value)


def test_a_path(shipped: Path) -> None:
    path = shipped / "mine.yaml"
    path.write_text("seed: 5\n")
    assert (load(path).seed, load(path).name, load(path).path) == (5, "mine", str(path))
    assert load("mine.yaml").path == "mine.yaml"


def test_the_name_of_one_that_ships(shipped: Path) -> None:
    assert (load("tour").name, load("tour").path) == ("The tour", "tour.yaml")


def test_a_file_of_that_name_comes_first_and_a_directory_does_not(shipped: Path) -> None:
    (shipped / "tour").mkdir()
    assert load("tour").name == "The tour"
    (shipped / "tour").rmdir()
    (shipped / "tour").write_text("name: Mine\n")
    assert load("tour").name == "Mine"


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"seed: 5\n")))
    assert (load("-").seed, load.__name__) == (5, "load")


def test_faults_on_standard_input_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"sed: 5\n")))
    assert message("-") == "<stdin>:1:1: unknown key 'sed' in scenario; did you mean 'seed'?"


def test_missing(shipped: Path) -> None:
    assert message("tuor") == (
        "tuor: no such file, and no scenario of that name comes with memtui; did you mean 'tour'?"
    )
    assert message("a/b.yaml") == (
        "a/b.yaml: no such file, and no scenario of that name comes with memtui; memtui itself brings fork-storm, tour"
    )


def test_directory(shipped: Path) -> None:
    assert message("shipped") == "shipped: a directory; expected a scenario file"


def test_unreadable(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert message("mine.yaml") == "mine.yaml: cannot be read: Permission denied"


def test_a_file_below_a_file(shipped: Path) -> None:
    assert message("shipped/tour.yaml/x") == "shipped/tour.yaml/x: cannot be read: Not a directory"


def test_nul_in_the_name(shipped: Path) -> None:
    assert message("a\0b") == "a\\x00b: cannot be read: embedded null byte"


def test_a_name_too_long(shipped: Path) -> None:
    assert message("x" * 5000) == f"{'x' * 199}…: cannot be read: File name too long"


def test_a_huge_file_is_not_read_to_its_end(shipped: Path) -> None:
    path = shipped / "huge.yaml"
    with path.open("wb") as stream:
        stream.truncate(MAX_BYTES * 1000)
    assert message("huge.yaml") == "huge.yaml: too large; expected at most 1024 KiB of text"


def test_an_endless_file_is_not_read_to_its_end(shipped: Path) -> None:
    assert message("/dev/zero") == "/dev/zero: too large; expected at most 1024 KiB of text"


def test_names_are_sorted_and_load() -> None:
    assert list(bundled()) == sorted(bundled())
    for name in bundled():
        assert load(name).path == f"{name}.yaml"
