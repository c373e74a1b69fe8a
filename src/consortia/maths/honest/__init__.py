"""Intervals that stay honest when trends were not parallel (Rambachan & Roth 2023).

``sets``: how far the drift after joining may differ from the drift before. ``hybrid``: intervals
for the sets tied to what was seen before, by the conditional test with a least favourable first
stage. ``flci``: the shortest interval of fixed length for smooth drifts. ``breakdown``: how large
the restriction may grow before an interval holds zero.
"""
