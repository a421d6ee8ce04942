"""The shared package: in every room a file is pure; flows/, web/ and mail/ touch the world."""
