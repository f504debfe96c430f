"""python -m cli: the carbonseal command."""

from cli.main import main

main()
