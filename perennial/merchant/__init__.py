"""The merchant's commands, asked of the API with a key that `perennial login` stored."""
