"""Pages, forms and routes of the portal."""
