import pytest

from consortia.specs import Arm, GroupTime, Outcome


def test_digest_is_stable_and_moves_with_the_question(make_study) -> None:
    study = make_study()
    assert study.digest == make_study().digest
    assert len(study.digest) == 64
    for change in (
        {"comparison": "not-yet"},
        {"method": GroupTime(anticipation=1)},
        {"hold": ("academy",)},
        {"question": "Another?"},
    ):
        assert study.with_(**change).digest != study.digest


def test_digest_ignores_what_the_question_does_not_use(make_study) -> None:
    study = make_study()
    more = study.with_(
        arms={**study.arms, "other": Arm(kinds=("x",))},
        outcomes={**study.outcomes, "reading": Outcome()},
    )
    assert more.digest == study.digest


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"arm": "trsut"}, "Did you mean 'trust'"),
        ({"outcome": "scor"}, "Did you mean 'score'"),
        ({"hold": ("academi",)}, "Did you mean 'academy'"),
        ({"hold": ("trust",)}, "cannot also stand in hold"),
        ({"hold": ("academy",), "alongside": ("academy",)}, "both hold and alongside"),
        ({"question": "  "}, "in words"),
    ],
)
def test_names_are_checked(make_study, change, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make_study(**change)


def test_others_are_the_held_and_then_the_alongside(make_study) -> None:
    more = {"other": Arm(kinds=("x",))}
    study = make_study().with_(hold=(), alongside=())
    assert study.others == ()
    study = study.with_(arms={**study.arms, **more}, hold=("other",), alongside=("academy",))
    assert study.others == ("other", "academy")


def test_labels(make_study) -> None:
    study = make_study(arms={"trust": Arm(kinds=("trust",), label="a trust")})
    assert study.arm_label == "a trust"
    assert study.outcome_label == "score"
