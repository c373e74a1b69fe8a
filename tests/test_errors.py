import pytest

from consortia.errors import DataInvalid, NotIdentified, Problem, attempt, did_you_mean, nearest


def test_problem_says_place_value_and_remedy() -> None:
    text = str(
        Problem(
            file="outcomes.csv",
            row=17,
            column="year",
            found="20x7",
            problem="is not a year",
            remedy="Write four digits",
        )
    )
    assert (
        text == "outcomes.csv, row 17, column year: is not a year (found '20x7'). Write four digits"
    )


def test_all_problems_are_carried() -> None:
    problems = [Problem(problem=f"p{k}", remedy="r") for k in range(3)]
    error = DataInvalid(problems)
    assert len(error.problems) == 3
    assert error.exit_code == 3
    assert str(error).startswith("3 problems")
    assert all(f"p{k}" in str(error) for k in range(3))


def test_nearest_name_ignores_case_and_refuses_far_ones() -> None:
    assert nearest("Maths_Progres", ["maths_progress", "reading_progress"]) == "maths_progress"
    assert nearest("zzz", ["maths_progress"]) == ""
    assert "Did you mean 'alpha'" in did_you_mean("alpa", ["alpha", "beta"])
    assert "Did you mean" not in did_you_mean("q", ["alpha"])


def test_thousands_of_names_are_not_all_told() -> None:
    told = did_you_mean("n77", [f"n{k}" for k in range(5000)])
    assert told.startswith("Did you mean 'n77'? Known: n0, n1, ")
    assert told.endswith("and 4,960 more")
    assert len(told) < 400


def test_not_identified_reads_as_a_sentence() -> None:
    assert str(NotIdentified("nobody joined")) == "not identified, because nobody joined"


def test_an_attempt_gives_the_answer_or_the_reason() -> None:
    def refuses() -> int:
        raise NotIdentified("nobody joined")

    def breaks() -> int:
        raise KeyError("year")

    assert attempt(lambda: 0) == (0, "")
    assert attempt(refuses) == (None, "nobody joined")
    # A fault of the program is no answer about the data.
    with pytest.raises(KeyError):
        attempt(breaks)
