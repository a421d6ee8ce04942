"""Pages, forms and routes of accounts."""
