"""The HTTP edge: requests in, problems and pages out, sessions; without business rules."""
