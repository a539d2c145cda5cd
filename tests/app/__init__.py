"""Settings, documents, pacing, the ledger: what every station of the way relies on."""
