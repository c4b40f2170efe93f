"""``python -m benchmark`` is the ``dst-bench`` command."""

from benchmark.commands.cli import main

raise SystemExit(main())
