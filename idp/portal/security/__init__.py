"""/me/security: where a citizen sees and changes how they sign in, and stops what they did not do.

views.py        the addresses: tables of pages and of what may be posted
visit.py        one request: who is signed in, form tokens, what is told after an act
pages.py        the view models
overview.py sessions.py activity.py             what is shown, and what is ended
factors.py new_factors.py                       named, removed; added
password.py contact.py messages.py blocking.py  the rest

The acts themselves are in idp/self_service.py and mfa; here they are asked for and told about. Pages that change a
factor, the password or contact data want a second factor that was proven within five minutes, by the strongest kind
the citizen has (S-260, S-302). What only takes access away (ending sessions, blocking) wants no more than the session:
whoever needs it is in a hurry.
"""
