"""Pages, forms and routes of catalog."""
