"""What rebill does in the world: reads, writes, gateways."""
