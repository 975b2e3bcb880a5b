"""`make bench`: what one core of the provider does.

run.py        the run: one or both pairs of stores, a table, a JSON file under var/bench/
world.py      a provider with clients and citizens, and what the load is made of; filling.py: a country of them
load.py       the generator: keep-alive connections, latency of every request
provider.py   the provider's processes: start, processor time, memory
measures.py   what is measured; sign_in_cost.py and sign_in.py: whole sign-ins
passkey.py    whole sign-ins with a passkey
"""
