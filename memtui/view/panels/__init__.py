"""The panels of the dashboard, one file each: Snapshot in, rows of cells out."""
