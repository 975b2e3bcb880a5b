"""The protocol's endpoints: plain functions, without Flask."""
