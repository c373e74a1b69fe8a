"""Cooperative games: who could gain by acting together, and what would hold the group together.

A game of n players is an array ``v`` (2^n,) over coalitions as bit masks: ``v[0b101]`` is the worth
of players 0 and 2, ``v[0]`` is zero. Partition functions, where a coalition's worth depends on what
the others do, stand in ``partitions``.
"""
