"""One technology each; only these modules speak to the world (ARCHITECTURE.md, 5)."""
