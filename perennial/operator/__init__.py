"""The operator's commands, asked of a stack or of the local `make run`."""
