"""Pages, forms and routes of plans."""
