"""Products, price points and the public directory."""
