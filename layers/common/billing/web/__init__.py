"""The HTTP edge: requests in, problems and pages out, sessions; it knows no business rule."""
