"""Segment Courier: keeps ActiveCampaign lists in step with customer segments dropped into blob storage.

The way of a contact, station by station: ``drop`` → ``plan`` → ``delivery`` → ``receipts`` → ``ledger``;
``steps`` stand behind the triggers and move a run along it, ``runs`` says what a run is, ``api`` is what people call,
``doors`` and ``activecampaign`` touch the world.
"""
