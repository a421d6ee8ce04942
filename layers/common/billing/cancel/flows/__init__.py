"""Cancellation flows: they read and write the store and call gateways."""
