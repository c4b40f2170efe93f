"""``python -m benchmark`` is the ``dst-bench`` command."""

from benchmark.cli import main

raise SystemExit(main())
