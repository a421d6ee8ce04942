"""Public registers that are asked about others."""
