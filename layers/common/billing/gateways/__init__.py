"""Payment gateways, a package each."""
