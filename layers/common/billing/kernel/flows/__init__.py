"""What every capability asks of the world: lists in parts, what is due, payments."""
