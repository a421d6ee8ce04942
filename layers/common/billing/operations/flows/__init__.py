"""The use cases of the operator: they read, write and call gateways."""
