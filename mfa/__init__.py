"""Proving a factor: password, TOTP; how failures slow and stop attempts. Knows neither Flask nor idp."""
