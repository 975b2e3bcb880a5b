"""/recover and /stop: the pages of idp/recovery.

views.py    the addresses, and the table of what may be posted
visit.py    what a browser brings along; flow.py: the dispatcher, which reads what is stored
entry.py    what was lost, whose it is, ordering a letter, stopping
proofs.py   the proofs, each verified by mfa or idp.letters; change.py: the new password or factor
pages.py    the view models
"""
