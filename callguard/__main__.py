"""`python -m callguard` is `callguard`."""

from callguard.cli.main import main

main()
