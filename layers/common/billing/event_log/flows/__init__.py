"""The use cases of the event log: they read and write."""
