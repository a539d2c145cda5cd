"""ActiveCampaign's API v3: addresses, the client, and what its answers mean."""
