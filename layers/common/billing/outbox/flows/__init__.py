"""What outbox does in the world: reads, writes, gateways."""
