"""The way into Azure: templates, settings, queries, policies, the package, and what the app says of itself."""
