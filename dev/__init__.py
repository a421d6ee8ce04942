"""The laptop runner behind `make run`. Nothing in here is packaged for Lambda."""

PLATFORM = "perennial"
"""The merchant whose products are the plans of accounts, where everything runs on a laptop."""
