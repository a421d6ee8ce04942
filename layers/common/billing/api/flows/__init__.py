"""What api does in the world: reads, writes, gateways."""
