"""The use cases of teams: they read and write."""
