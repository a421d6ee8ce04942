"""Generates the SDKs from the API document of the code; `make sdk` runs it."""
