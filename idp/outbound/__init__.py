"""Calls to addresses that clients registered. `fetcher.Fetcher` is the only way out."""
