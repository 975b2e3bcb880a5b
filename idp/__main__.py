"""`python -m idp` is `adgang`."""

from idp.cli import main

if __name__ == "__main__":
    main()
