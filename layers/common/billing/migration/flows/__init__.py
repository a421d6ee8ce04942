"""The use cases of moving in and out: they read, write and store files."""
