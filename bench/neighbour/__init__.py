"""panva's `oidc-provider` with its state in Redis: another provider, to be measured beside ours.

server.mjs, redis_adapter.mjs      the neighbour, configured to do what ours does at the measured paths
running.py                         installs it under var/bench/ with npm, and runs it on the provider's core
requests.py                        what the load is made of

Needs Node and npm. Where they are missing, the lines stand alone.
"""
