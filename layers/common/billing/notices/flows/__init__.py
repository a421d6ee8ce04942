"""What notices does in the world: reads, writes, gateways."""
