"""``python -m benchmark`` is the ``dst-bench`` command, which looks first whether a folder hides our packages."""

from dst_bench import main

raise SystemExit(main())
