"""The single mint of everything we sign."""
