"""The steps behind the triggers: each reads what is there, decides, and leaves its result before it says so."""
