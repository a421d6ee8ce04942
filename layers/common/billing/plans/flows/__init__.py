"""What plans does in the world: reads, writes, gateways."""
