"""The protocol's rules: plain functions that know neither Flask nor a database."""
