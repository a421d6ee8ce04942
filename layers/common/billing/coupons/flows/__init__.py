"""The use cases of coupons: they read and write."""
