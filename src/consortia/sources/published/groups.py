"""Groups of schools as two or more snapshots of GIAS show them: memberships and statuses.

A snapshot holds the current groups only. Who left before it, or joined and left between two, is
not seen; what was seen in an earlier one and no longer in a later one ended in between.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from consortia.sources.findings import Findings, Table
from consortia.sources.published.chains import Links, providers_of
from consortia.sources.published.layouts import ACADEMY_KINDS, KINDS
from consortia.sources.values import dates

UNKNOWN = ("1900-01-01",)
"""The date that GIAS writes where it knows none."""

MEMBERSHIPS = {
    "provider": pl.String, "collaboration": pl.String, "kind": pl.String, "name": pl.String,
    "joined": pl.Date, "first_seen": pl.String, "last_seen": pl.String, "closed": pl.Date,
}  # fmt: skip
STATUSES = {"provider": pl.String, "status": pl.String, "since": pl.Date}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Schools in groups at one time: urn, collaboration, kind, name, joined (null: unknown)."""

    seen: str
    frame: pl.DataFrame


def month_of(path: str) -> str:
    """The month of a snapshot in a file's name, as 2017-01; '' where there is none.

    Reads 2017-01, 2017-01-05, 201701 and 20170105.
    """
    found = re.findall(r"(?<!\d)(20\d\d)[-_]?(0[1-9]|1[0-2])(?:[-_]?\d\d)?(?!\d)", path)
    return "-".join(found[-1]) if found else ""


def read_snapshot(table: Table, path: str, findings: Findings) -> Snapshot | None:
    """The table of schools in groups of one month."""
    seen = month_of(path)
    if not seen:
        findings.whole(
            table.name,
            "the name of the file does not say of which month it is",
            "Put the month into it, for example group_links_2022-07.csv",
        )
        return None
    group = "Group UID" if "Group UID" in table.frame.columns else "Linked UID"
    for column in ("URN", group, "Group Type"):
        findings.wrong(
            table, column, table.frame[column].is_null(), "the value is missing", "Fill it in"
        )
    kind = table.frame["Group Type"].str.to_lowercase().replace_strict(dict(KINDS), default=None)
    for name, count in sorted(
        table.frame.filter(kind.is_null())["Group Type"].drop_nulls().value_counts().rows()
    ):
        findings.note(table.role, "groups of this type, not used", count, found=name)
    # Dates of types that are not used are nobody's concern.
    used = table.take(kind.is_not_null())
    joined = dates(used, "Joined date", findings, unknown=UNKNOWN, codes=())
    findings.note(table.role, "date of joining empty", used.frame["Joined date"].null_count(),
                  column="Joined date")  # fmt: skip
    name = "Group Name" if "Group Name" in used.frame.columns else group
    frame = pl.DataFrame(
        {
            "urn": used.frame["URN"],
            "collaboration": used.frame[group],
            "kind": kind.filter(kind.is_not_null()),
            "name": used.frame[name],
            "joined": joined,
        }
    ).drop_nulls(["urn", "collaboration"])
    return Snapshot(seen=seen, frame=frame)


def read_closings(table: Table, findings: Findings) -> pl.DataFrame:
    """The day on which a group closed: collaboration, closed; groups without one are left out."""
    closed = dates(table, "Closed Date", findings, unknown=UNKNOWN, codes=())
    return (
        pl.DataFrame({"collaboration": table.frame["Group UID"], "closed": closed})
        .drop_nulls()
        .unique("collaboration", keep="first", maintain_order=True)
    )


def memberships(
    snapshots: list[Snapshot],
    closings: list[pl.DataFrame],
    links: Links,
    ours: pl.DataFrame,
    findings: Findings,
) -> pl.DataFrame:
    """One row for each provider, group and kind: the earliest known day of joining over all
    snapshots and all numbers of the school, when it was first and last seen, and the day on which
    the group closed where it has (membership cannot have lasted longer). Only for ``ours``
    (provider)."""
    if not snapshots:
        return pl.DataFrame(schema=MEMBERSHIPS)
    every = pl.concat([s.frame.with_columns(seen=pl.lit(s.seen)) for s in snapshots])
    every = every.with_columns(provider=providers_of(every["urn"], links)).sort("seen", "urn")
    rows = every.join(ours, on="provider", how="semi", maintain_order="left")
    findings.note(
        "memberships", "of schools without results of this phase, left out",
        every.height - rows.height,
    )  # fmt: skip
    made = (
        rows.group_by("provider", "collaboration", "kind", maintain_order=True)
        .agg(
            pl.col("name").last(),
            pl.col("joined").min(),
            first_seen=pl.col("seen").min(),
            last_seen=pl.col("seen").max(),
            dates_told=pl.col("joined").drop_nulls().n_unique(),
        )
        .sort("kind", "collaboration", "provider")
    )
    findings.note(
        "memberships", "more than one day of joining told, the earliest used",
        made.filter(pl.col("dates_told") > 1).height, column="joined",
    )  # fmt: skip
    changed = made.filter(pl.struct("provider", "collaboration").is_duplicated())
    findings.note(
        "memberships", "groups that are of two kinds in different snapshots", changed.height
    )
    last = max(s.seen for s in snapshots)
    findings.note(
        "memberships", "seen in an earlier snapshot and no longer in the last: day of leaving "
        "unknown", made.filter(pl.col("last_seen") < last).height,
    )  # fmt: skip
    for snapshot in snapshots:
        missing = sorted(set(made["kind"]) - set(snapshot.frame["kind"]))
        for kind in missing:
            findings.note(
                "memberships", f"kind is not in the snapshot of {snapshot.seen}: who left before "
                "the others is not seen", made.filter(pl.col("kind") == kind).height, found=kind,
            )  # fmt: skip
    ends = (
        pl.concat(closings).group_by("collaboration").agg(pl.col("closed").max())
        if closings
        else pl.DataFrame(schema={"collaboration": pl.String, "closed": pl.Date})
    )
    return (
        made.drop("dates_told")
        .join(ends, on="collaboration", how="left", maintain_order="left")
        .select(*MEMBERSHIPS)
    )


def statuses(
    members: pl.DataFrame, known_academy: pl.DataFrame, links: Links, findings: Findings
) -> pl.DataFrame:
    """Academies and the day since when: the earliest known day of joining a single- or
    multi-academy trust, since an academy opens in one.

    ``known_academy`` (urn, by) has schools that another table calls an academy, with the last day
    on which that can have been true first. Where trusts know only a later day (the school changed
    trust between snapshots), the day on which the school took its number counts, if it is known and
    early enough; else the day is unknown (null).
    """
    trusts = members.filter(pl.col("kind").is_in(ACADEMY_KINDS))
    made = trusts.group_by("provider").agg(since=pl.col("joined").min())
    told = _told(known_academy, links)
    opened = {new: day for (old, new), day in links.opened.items() if links.after.get(old) == new}
    told = told.with_columns(
        opened=pl.Series([opened.get(u) for u in told["urn"].to_list()], dtype=pl.Date)
    )
    both = made.join(told, on="provider", how="full", coalesce=True)
    late = (pl.col("since") > pl.col("by")).fill_null(False)
    early = pl.when(pl.col("opened") <= pl.col("by")).then(pl.col("opened"))
    findings.note(
        "statuses", "academy before the first known day of joining a trust: day of the new number "
        "used", both.filter(late & early.is_not_null()).height,
    )  # fmt: skip
    findings.note(
        "statuses", "academy before the first known day of joining a trust: day unknown",
        both.filter(late & early.is_null()).height,
    )  # fmt: skip
    findings.note(
        "statuses", "academy in the results that no trust lists: day of the new number or unknown",
        both.filter(pl.col("since").is_null()).height,
    )  # fmt: skip
    return (
        both.with_columns(
            status=pl.lit("academy"),
            since=pl.when(late | pl.col("since").is_null()).then(early).otherwise(pl.col("since")),
        )
        .select(*STATUSES)
        .sort("provider")
    )


def _told(known_academy: pl.DataFrame, links: Links) -> pl.DataFrame:
    return (
        known_academy.with_columns(provider=providers_of(known_academy["urn"], links))
        .group_by("provider")
        .agg(pl.col("by").min(), pl.col("urn").sort_by("by", "urn").first())
    )


def flags(
    snapshots: list[Snapshot], members: pl.DataFrame, known_academy: pl.DataFrame, links: Links
) -> pl.DataFrame:
    """Schools whose memberships are known to be told wrongly or incompletely: provider, then 0/1.

    ``trust_date_ambiguous``: a later snapshot says that a multi-academy trust was joined before an
    earlier snapshot, which shows the school in a single-academy trust and in no such trust.
    ``changed_trust``: in a multi-academy trust in the first snapshot, and in the last one only in
    others. ``earlier_trust_unseen``: an academy (so another table tells) before the first known day
    of joining any trust; the trust it was in before is in no snapshot, so that it stands among
    those who have not joined.
    """
    schema = {
        "provider": pl.String, "trust_date_ambiguous": pl.Int8, "changed_trust": pl.Int8,
        "earlier_trust_unseen": pl.Int8,
    }  # fmt: skip
    if not snapshots:
        return pl.DataFrame(schema=schema)
    joined = (
        members.filter(pl.col("kind").is_in(ACADEMY_KINDS))
        .group_by("provider")
        .agg(pl.col("joined").min())
    )
    told = _told(known_academy, links).join(joined, on="provider")
    unseen = set(told.filter(pl.col("joined") > pl.col("by"))["provider"])
    order = sorted(snapshots, key=lambda s: s.seen)
    first, last = (
        s.frame.with_columns(provider=providers_of(s.frame["urn"], links))
        for s in (order[0], order[-1])
    )
    month = pl.lit(order[0].seen + "-01").str.to_date()
    multi, single = (pl.col("kind") == kind for kind in ACADEMY_KINDS)
    was_multi = set(first.filter(multi)["provider"])
    was_single = set(first.filter(single)["provider"])
    says_before = set(last.filter(multi & (pl.col("joined") < month))["provider"])
    ambiguous = (says_before & was_single) - was_multi
    pair = ("provider", "collaboration")
    stayed = set(first.filter(multi).join(last.filter(multi), on=pair, how="semi")["provider"])
    changed = (was_multi & set(last.filter(multi)["provider"])) - stayed
    names = sorted(ambiguous | changed | unseen)
    return pl.DataFrame(
        {
            "provider": names,
            "trust_date_ambiguous": [int(n in ambiguous) for n in names],
            "changed_trust": [int(n in changed) for n in names],
            "earlier_trust_unseen": [int(n in unseen) for n in names],
        },
        schema=schema,
    )
