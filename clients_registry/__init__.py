"""Organisations and their clients (relying parties). Knows neither Flask nor idp."""
