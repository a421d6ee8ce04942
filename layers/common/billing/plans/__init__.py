"""Changing, freezing and unfreezing a plan."""
