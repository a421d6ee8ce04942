"""What refunds does in the world: reads, writes, gateways."""
