"""A small client of DynamoDB for the request path: the standard library and no botocore."""
