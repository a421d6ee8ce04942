"""Pages, forms and routes of checkout."""
