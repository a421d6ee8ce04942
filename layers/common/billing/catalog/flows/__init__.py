"""What catalog does in the world: reads, writes, gateways."""
