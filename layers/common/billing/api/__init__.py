"""The frame of the merchant API /v1: keys, idempotency, OpenAPI."""
