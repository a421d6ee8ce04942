"""What a customer bought and may do, and how they sign in."""
