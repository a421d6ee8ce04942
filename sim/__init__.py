"""The simulator: the real flows and handlers on virtual time, and all that fails around them."""
