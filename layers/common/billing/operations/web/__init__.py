"""Pages, forms and routes of operations."""
