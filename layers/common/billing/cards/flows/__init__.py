"""What cards does in the world: reads, writes, gateways."""
