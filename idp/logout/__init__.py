"""Services are told that a session has ended (OpenID Connect Back-Channel Logout 1.0), and citizens what came of it.

notice.py    LogoutNotice: one service to be told of one session's end; its outcome
telling.py   whatever ends a session writes its notices in the same transaction
sending.py   when they are sent, by whom, and how often it is tried
records.py   a sign-out under way in one browser, and one that is done
ports.py     what is kept, as promises; tables.py in_sql.py

What a session gave is dead when it ends, whatever a service answers: that is idp/browser_sessions.py and SQL.
"""
