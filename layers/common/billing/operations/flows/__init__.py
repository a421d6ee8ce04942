"""What operations does in the world: reads, writes, gateways."""
