"""Pages and routes of declarations."""
