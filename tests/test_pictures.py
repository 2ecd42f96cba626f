"""The pictures of the README are what the program draws now, and all of them are shown."""

from __future__ import annotations

import re

import pytest

from tests.pictures import FOLDER, PICTURES, Picture, drawn
from tests.readme import README


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_what_the_program_draws(picture: Picture) -> None:
    kept = picture.path.read_text(encoding="utf-8")
    assert drawn(picture) == kept, "a picture is out of date; python -m tests.pictures draws them again"


def test_the_readme_shows_every_picture_there_is() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README.read_text(encoding="utf-8"))
    assert shown == [f"{FOLDER.name}/{picture.path.name}" for picture in PICTURES]
    assert {path.name for path in FOLDER.iterdir()} == {picture.path.name for picture in PICTURES}
