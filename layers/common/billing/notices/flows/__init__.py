"""The use cases of notices: they read, write and call gateways."""
