"""The real app in the local Functions host, on Azurite, with a closed network around it."""
