"""The use cases of customers: they read, write and call gateways."""
