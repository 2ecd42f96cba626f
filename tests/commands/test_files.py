"""Files that commands write."""

from __future__ import annotations

from pathlib import Path

import pytest

from memtui.commands.files import writable, write
from memtui.commands.inputs import BadInput


def test_a_file_that_can_be_written_is_left_alone_until_it_is(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    assert writable("--json", str(path)) == str(path)
    assert not path.exists()
    write("--json", str(path), "é\n")
    assert path.read_bytes() == "é\n".encode()


def test_standard_output_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    assert writable("--json", "-") == "-"
    write("--json", "-", "{}\n")
    assert capsys.readouterr().out == "{}\n"


def test_no_file_is_no_trouble() -> None:
    assert writable("--json", None) is None


def test_what_cannot_be_written_is_answered_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"--json: cannot write .*: it is a directory"):
        writable("--json", str(tmp_path))
    with pytest.raises(BadInput, match=r"--csv: cannot write .*none/x\.csv: there is no directory .*none"):
        writable("--csv", str(tmp_path / "none" / "x.csv"))
    with pytest.raises(BadInput, match=r"--csv: cannot write a{199}…: File name too long"):
        writable("--csv", "a" * 5000)


def test_a_full_device_is_answered_in_one_line() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(BadInput, match="--json: cannot write /dev/full: No space left on device"):
        write("--json", "/dev/full", "{}\n")
