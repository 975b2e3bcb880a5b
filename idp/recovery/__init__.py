"""Getting back in: a forgotten password or user ID, a lost factor (NIST SP 800-63B-4 §4.2).

rules.py         the table: what was lost × the proofs at hand → allowed, allowed after a cooling-off, refused. Pure
recovery.py      Recovery, the record; its life drawn
moves.py         the moves of one recovery: begin, show a proof, wait, change; stopping.py: how it is stopped
completion.py    what the end of a recovery gives and takes, in one transaction
proofing.py      repeated proofing of an identity by an officer
letter_orders.py ordering a letter, with the same answer and time for everybody
noting.py        what the ledger says
ports.py tables.py in_sql.py

Which page comes next is idp/portal/recovery's matter; what a proof is worth is mfa's and idp.letters'.
"""
