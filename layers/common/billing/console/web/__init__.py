"""Pages, forms and routes of the console."""
