"""`python -m trivirt.compat SCRIPT ARGS`."""

from trivirt.compat._script import main

if __name__ == "__main__":
    main()
