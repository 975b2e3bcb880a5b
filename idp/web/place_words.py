"""A place as the page says it: the city, and the country in the reader's language."""

from flask_babel import get_locale

from idp.records import Place


def place_words(place: Place) -> str:
    """Such as "Odense, Danmark"; either part may be missing."""
    locale = get_locale()
    country = locale.territories.get(place.country_code, "") if locale is not None else ""
    return ", ".join(part for part in (place.city, country) if part)
