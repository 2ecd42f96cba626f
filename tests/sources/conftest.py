"""Simulations here run on a machine of one counter."""

from __future__ import annotations

import pytest

from tests.sources.fakes import use_fake_machine


@pytest.fixture(autouse=True)
def fake_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake machine and its one activity in place of the real ones."""
    use_fake_machine(monkeypatch)
