"""memtui: a flight simulator for Linux memory management, in the terminal."""

__version__ = "0.1.0"
