"""The routes and pages of figures."""
