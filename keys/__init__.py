"""The signing keys' life, from birth to destruction. Knows neither Flask nor idp.

What it is    states (the drawing), key, algorithms, policy, evidence, rotation: pure rules
Where it is   ports (the promises), tables, in_sql, in_redis, high_water; sealing, sealed_keys: at rest
How it moves  changes (every write), birth, succession, endings, schedule, reseal, reconcile
How it signs  key_ring, known_keys, own_tokens: the hot path
Who moves it  cli, cli_changes, cli_frame, listings; drill, drill_clients: the proof
"""
