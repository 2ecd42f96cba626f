"""What the README shows is what the commands print, and its set-up lines are what CI runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.readme import README, blocks, refreshed
from tests.recorded.results import rows_of

TEXT = README.read_text(encoding="utf-8")
ROOT = README.parent


@pytest.mark.timeout(600)
def test_shown_output_is_what_the_commands_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memtui.commands.recordings.compare", lambda recording, *_: rows_of(recording.name))
    assert refreshed(TEXT) == TEXT, "the README is out of date; python -m tests.readme refreshes it"


def test_ci_runs_exactly_the_readmes_test_line() -> None:
    lines = [line for _, body in blocks(TEXT, "sh") for line in body.splitlines()]
    test_line = "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest -n 2 --dist loadfile"
    assert test_line in lines
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1] == test_line


def test_the_python_examples_run(tmp_path: Path) -> None:
    for name, body in blocks(TEXT, "yaml"):
        (tmp_path / name).write_text(body, encoding="utf-8")
    for _, body in blocks(TEXT, "python"):
        path = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        done = subprocess.run([sys.executable, "-c", path + body], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
