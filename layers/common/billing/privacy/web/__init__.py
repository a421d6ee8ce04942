"""Pages, forms and routes of privacy."""
