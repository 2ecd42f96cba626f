"""What the benchmark beside the real kernel changes, it puts back."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.benchmarks import real_kernel


@pytest.mark.parametrize("number", real_kernel.ENDING)
def test_what_was_changed_is_put_back_when_the_run_is_told_to_end(tmp_path: Path, number: signal.Signals) -> None:
    pool, switch = tmp_path / "pool", tmp_path / "switch"
    pool.write_text("5\n")
    switch.write_text("0\n")
    before = signal.getsignal(number)

    def changed() -> None:
        with real_kernel._restored(pool, switch) as (pages, _):
            switch.write_text("1")
            pool.write_text(f"{int(pages) + 2048}")
            os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt):
        changed()
    assert (pool.read_text(), switch.read_text()) == ("5", "0")
    assert signal.getsignal(number) == before
