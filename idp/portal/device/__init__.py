"""The page at which a citizen types the code that a device shows (RFC 8628 §3.3).

What follows is a sign-in like any other (login/device_entry.py), so that nothing of it is forgotten for devices.
"""
