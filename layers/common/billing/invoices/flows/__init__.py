"""What invoices does in the world: reads, writes, gateways."""
