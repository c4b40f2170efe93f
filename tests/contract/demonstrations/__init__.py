"""Showing a fault without the contract: plain functions of a plugin's factory that say whether something is wrong.

They are how a broken plugin is known to be broken, a right one to be right, and a mutant to differ from its original.
They share no code with ``criteria.contract``, whose judge they are; each asks only whether its own fault shows.
"""
