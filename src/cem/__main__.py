"""`python -m cem` is the command `cem`."""

from cem.cli import main

if __name__ == "__main__":
    main()
