"""Coupons: codes that take something off a price, and who has used them (C-8)."""
