"""The laptop runner behind `make run`. Nothing in here is packaged for Lambda."""
