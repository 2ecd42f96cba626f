"""Where Snapshots come from: a scenario played, and what came of it."""
