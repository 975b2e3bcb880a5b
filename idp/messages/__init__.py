"""What citizens are told about their access, on every channel: the portal's inbox, e-mail, a letter.

message.py   Message, MessageKind, Channel; which ledger events are told (a table)
telling.py   the ledger that tells: rows for the outbox in the same transaction as the entry
texts.py     the words, in the citizen's language (templates/messages)
smtp.py      how one is handed to a mail server; sending.py: when, by whom, and how often it is tried
ports.py     what is kept, as promises; tables.py in_sql.py

No message carries a factor, a code that signs in, or a link. The stop code of a recovery can only stop it.
"""
