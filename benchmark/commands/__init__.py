"""The commands of ``dst-bench``, one module each.

A module has a ``SUMMARY`` of one line, ``add_arguments(parser)``, and ``main(args)``, which does the deed and returns
the exit status. All of them are imported to build the parser, so what is heavy is imported in ``main``.
"""
