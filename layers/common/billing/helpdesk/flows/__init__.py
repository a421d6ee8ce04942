"""What helpdesk does in the world: reads, writes, gateways."""
