"""Where a fault is, in words: paths as people write them."""

from consortia.studyfile.wording import Sayer


def test_paths_count_from_one_and_values_are_shown_short() -> None:
    say = Sayer(file="s.toml", lines={("checks", 0): 4}, overridden=set())
    say.say(("checks", 0, "size"), "is wrong", "Mend it", [1.5] * 100)
    (problem,) = say.problems
    assert problem.column == "checks[1].size"
    assert problem.row == 4
    assert len(problem.found) == 80


def test_what_came_from_the_command_line_has_no_line() -> None:
    say = Sayer(file="s.toml", lines={("window",): 4}, overridden={("window", "first")})
    say.say(("window", "first"), "is wrong", "Mend it")
    say.say(("window", "last"), "is wrong", "Mend it")
    assert [(p.file, p.row) for p in say.problems] == [("command line", None), ("s.toml", 4)]
