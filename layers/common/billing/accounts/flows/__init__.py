"""The use cases of accounts: they read, write and call gateways."""
