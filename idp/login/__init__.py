"""The pages of a sign-in.

views.py          the addresses
authorize.py      an authorization request becomes a login attempt
flow.py           the dispatcher; steps.py: the table it asks
address_limits.py how much may fail from around one address
first_factor.py second_factor.py consent.py cancel.py sign_out.py    what is posted
visit.py          what a browser brings along; way_back.py: how it goes back to the service
pages.py          the view models
"""
