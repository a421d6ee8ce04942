"""Items in memory, with DynamoDB's conditions."""
