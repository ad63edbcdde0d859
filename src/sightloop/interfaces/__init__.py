"""The three doors outward: the command line goes through the SDK, the SDK through the REST API."""
