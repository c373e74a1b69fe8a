"""Mixed models with overlapping, weighted memberships, on cross-products alone.

``statistics`` (from rows, from sums per provider, merged over chunks) -> ``reml.fit`` ->
``degrees`` (Kenward-Roger, Satterthwaite), ``shares`` (variance partition, bootstrap, boundary
tests), ``profile`` (likelihood intervals), ``effects`` (predicted effects, ranks, who stands out).
"""
