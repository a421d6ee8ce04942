"""Perennial's shared package: a file directly in here is pure, a folder touches the world."""
