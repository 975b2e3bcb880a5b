"""The pages of a sign-in."""
