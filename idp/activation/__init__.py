"""From a letter's code to a citizen: activation, without a page.

record.py      what one browser has done so far, in Redis
user_ids.py    which user IDs a citizen may choose
activation.py  Activation: begin, check, reserve, and the one transaction that makes the citizen
"""
