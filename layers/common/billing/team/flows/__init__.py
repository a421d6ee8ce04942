"""What changes a team and the people in it."""
