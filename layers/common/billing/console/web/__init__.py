"""Pages, forms and routes of console."""
