"""What a filter lets through: lines that have all its words, however they are written."""

from __future__ import annotations

from collections.abc import Sequence

from memtui.snapshot import Event


def words_of(filter: str) -> tuple[str, ...]:
    """The words of a filter, for `has_words`; none for an empty one, which lets everything through."""
    return tuple(filter.casefold().split())


def has_words(text: str, words: Sequence[str]) -> bool:
    """Whether every word stands somewhere in the text, in capitals or not."""
    folded = text.casefold()
    return all(word in folded for word in words)


def matches(event: Event, words: Sequence[str]) -> bool:
    """Whether every word stands in the event's source or its text."""
    return not words or has_words(f"{event.source} {event.text}", words)
