"""What portal does in the world: reads, writes, gateways."""
