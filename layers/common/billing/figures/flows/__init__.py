"""The use cases of figures: they read and write."""
