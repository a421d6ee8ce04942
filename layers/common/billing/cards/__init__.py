"""A customer's saved payment methods and billing addresses."""
