"""Figures of a merchant: recurring revenue, its movements, customers and sales (M-10)."""
