"""Invoice flows: they read the store."""
