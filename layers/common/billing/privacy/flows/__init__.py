"""What privacy does in the world: reads, writes, gateways."""
