"""Pages, forms and routes of gateway events."""
