"""What each command of the command line does; `memtui/cli.py` declares them and their options."""
