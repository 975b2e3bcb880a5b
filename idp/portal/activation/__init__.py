"""/activate: from a letter to an access, a page for each step.

views.py    the addresses; POSTS, the table of what may be posted
visit.py    what the browser brings along: its record, the person, the way on
steps.py    which page comes next, from the record alone
code.py person.py account.py first_factor.py    what is posted
pages.py    the view models
"""
