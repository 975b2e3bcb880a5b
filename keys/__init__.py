"""The signing keys' life, from birth to destruction. Knows neither Flask nor idp."""
