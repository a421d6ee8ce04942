"""The use cases of taxes: they read and write."""
