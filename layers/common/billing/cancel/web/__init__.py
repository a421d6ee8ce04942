"""Ways to the pages on which a contract is ended."""
