"""Pages, forms and routes of helpdesk."""
