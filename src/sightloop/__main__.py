"""`python -m sightloop` is the command line."""

from sightloop.interfaces.cli import main

if __name__ == "__main__":
    main()
