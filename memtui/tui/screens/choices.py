"""A list to search and choose from: all actions, or all themes."""

from __future__ import annotations

from textual.command import CommandInput, CommandPalette


class Choices(CommandPalette):
    """Textual's palette, with a cursor that does not blink."""

    def on_mount(self) -> None:
        """Stills the cursor."""
        self.query_one(CommandInput).cursor_blink = False
