"""`python -m structurer` is the command `structurer`."""

from structurer.cli import main

main()
