"""The citizen's own pages, and the public ones beside the sign-in.

blueprint.py     portal_pages(): help, security advice, accessibility, privacy
pages.py         the view models
oauth_errors.py  what each error code means: the text behind every error_uri
"""

from idp.portal.blueprint import portal_pages

__all__ = ["portal_pages"]
