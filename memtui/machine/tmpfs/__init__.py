"""tmpfs: mounts and files in memory, and the designs by which they get huge pages."""
