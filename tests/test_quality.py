"""The rules of the house, held by tools: types, style, format, and who may import whom."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "tool",
    [
        pytest.param(("-m", "mypy"), id="mypy"),
        pytest.param(("-m", "ruff", "check", "."), id="ruff-check"),
        pytest.param(("-m", "ruff", "format", "--check", "."), id="ruff-format"),
        pytest.param(("-c", LINT_IMPORTS, "--no-cache"), id="import-contracts"),
    ],
)
def test_the_code_passes(tool: tuple[str, ...]) -> None:
    plain = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *tool], cwd=ROOT, env=plain, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_chance_comes_only_from_a_generator_that_was_handed_in() -> None:
    used = {
        f"{path.relative_to(ROOT)}:{node.lineno}: random.{node.attr}"
        for path in sorted((ROOT / "memtui").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "random"
    }
    assert {use.rpartition("random.")[2] for use in used} == {"Random"}, sorted(used)


def test_modules_stay_short() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sorted((ROOT / "memtui").rglob("*.py"))
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert long == {}
