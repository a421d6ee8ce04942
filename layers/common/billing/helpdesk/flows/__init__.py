"""The use cases of the helpdesk: they read, write and call gateways."""
