"""The use cases of outgoing webhooks: they read, write and call receivers."""
