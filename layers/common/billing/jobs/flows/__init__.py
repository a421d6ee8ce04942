"""The use cases of background jobs: they read, write and call gateways."""
