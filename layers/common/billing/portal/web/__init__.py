"""Pages, forms and routes of portal."""
