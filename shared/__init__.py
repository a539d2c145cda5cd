"""Segment Courier: keeps ActiveCampaign lists in step with customer segments dropped into blob storage.

The way of a contact, station by station: ``drop`` → ``plan`` → ``delivery`` → ``receipts`` → ``ledger``;
``runs`` moves a run along it, ``api`` is what people call, ``doors`` and ``activecampaign`` touch the world.
"""
