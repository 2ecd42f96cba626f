"""Runs without a screen: what came of them as text, JSON and CSV."""
