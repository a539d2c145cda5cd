"""The specification of the ActiveCampaign stand-in."""
