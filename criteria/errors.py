"""Errors that a user can mend."""


class InputError(ValueError):
    """Bad input: its message is one line saying what is wrong, where, and what would be right.

    Commands print the message and exit with status 2; they never show a traceback for it.
    """


class PluginError(RuntimeError):
    """A plugin failed while it was used: its message is one line saying which, where and how.

    Commands print the message and exit with status 3.
    """
