"""`python -m locality.dashboard`."""

from locality.dashboard.command import main

if __name__ == "__main__":
    main()
