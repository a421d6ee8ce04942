"""Storage adapters for business state: keys, codec, DynamoDB and memory."""
