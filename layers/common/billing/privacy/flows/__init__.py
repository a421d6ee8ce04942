"""The use cases of privacy: they read, write and call gateways."""
