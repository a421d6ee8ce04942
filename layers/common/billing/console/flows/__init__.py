"""What console does in the world: reads, writes, gateways."""
