"""What checkout does in the world: reads, writes, gateways."""
