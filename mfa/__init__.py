"""Proving a factor: passwords, TOTP, passkeys, recovery codes; how failures slow and stop attempts.

`verification` is the one way in; `enrolment`, `webauthn_enrolment` and `recovery_enrolment` change what a citizen has;
`lockout` and `factors` are the rules; `ports` is what must be kept, `in_sql` and its siblings keep it. Knows neither
Flask nor idp.
"""
