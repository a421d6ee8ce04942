"""What cancel does in the world: reads, writes, gateways."""
