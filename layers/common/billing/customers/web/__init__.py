"""Pages, forms and routes of customers."""
