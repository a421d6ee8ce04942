"""What accounts does in the world: reads, writes, gateways."""
