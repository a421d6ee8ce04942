"""The use cases of cards: they read, write and call gateways."""
