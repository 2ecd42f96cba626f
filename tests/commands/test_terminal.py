"""Ctrl-C during a run: the first one lets what there is be kept, the second one ends at once."""

from __future__ import annotations

import os
import signal

import pytest

from memtui.commands.terminal import Interruptible


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_ends(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Interruptible() as interrupted:
        assert not interrupted.asked
        os.kill(os.getpid(), number)
        assert interrupted.asked
        with pytest.raises(SystemExit) as ended:
            os.kill(os.getpid(), number)
        assert ended.value.code == 130
    assert signal.getsignal(number) is before
