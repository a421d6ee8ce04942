"""Pages, forms and routes of api."""
