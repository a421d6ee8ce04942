"""What customers does in the world: reads, writes, gateways."""
