"""Mail, queue and secrets at AWS."""
