"""AWS adapters for mail, queue and secrets."""
