"""Letters on paper that carry a code: to activate an access, or to recover it.

letter.py        Letter, Addressee, the reasons why a code is refused
codes.py         the code: how it is made, printed and read
letters.py       Letters: issue, look, spend
inviting.py      who is invited, once each; printing.py: the print queue, files of 500
words.py pdf.py  what a letter says, and how it looks
ports.py         what is kept, as promises; with Invitation, a person who is invited and no citizen yet
tables.py in_sql.py invitations_in_sql.py
"""
