"""What gateway_events does in the world: reads, writes, gateways."""
