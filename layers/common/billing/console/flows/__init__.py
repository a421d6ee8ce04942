"""The use cases of the console: they read, write and call gateways."""
