"""The use cases of the outbox: they read, write and call gateways."""
