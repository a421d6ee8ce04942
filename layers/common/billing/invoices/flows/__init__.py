"""Invoice flows: they read and write the store."""
