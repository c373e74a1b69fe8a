"""Small models of markets with known answers: what the simulated sector must agree with.

Each function is one formula of the literature, with its source; ``docs/methods/markets.md`` lists
them with the published or recomputed numbers that the tests hold them to.
"""
