"""Stores of business state, adapters all: keys, codec, DynamoDB and memory."""
