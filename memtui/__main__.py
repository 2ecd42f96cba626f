"""`python -m memtui`."""

from memtui.cli import main

if __name__ == "__main__":
    main()
