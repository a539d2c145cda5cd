"""The doors to the world outside: the clock, blob storage, queues and Key Vault. Only they import Azure's SDKs."""
