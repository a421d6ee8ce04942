"""Pages, forms and routes of the API."""
