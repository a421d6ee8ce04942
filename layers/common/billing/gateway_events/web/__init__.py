"""Pages, forms and routes of gateway_events."""
