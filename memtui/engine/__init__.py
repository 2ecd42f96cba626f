"""Simulated time: the queue of what is due, the clock, and the player that maps it to wall time."""
