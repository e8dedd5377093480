"""`python -m vasari`."""

from vasari.cli import main

main()
