"""Inputs, shapes and routes of coupons."""
