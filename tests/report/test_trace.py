from __future__ import annotations

import pytest

from consortia.report.trace import Node, attributes, number, plain

DOC = {"a": [{"b": 1.25, "name": "x < y"}], "none": None}


def test_path_follows_the_value() -> None:
    node = Node(DOC).a[0].b
    assert (node.value, node.path) == (1.25, "a.0.b")
    assert [n.path for n in Node(DOC).a[0]] == ["a.0.b", "a.0.name"]
    assert len(Node(DOC).a) == 1


def test_text_is_escaped_and_named() -> None:
    assert Node(DOC).a[0].name.__html__() == '<span data-path="a.0.name">x &lt; y</span>'
    assert plain(Node(DOC).a[0].name) == "x < y"


def test_number_carries_value_path_and_rule() -> None:
    assert str(number(Node(DOC).a[0].b, "signed:1")) == (
        '<data value="1.25" data-path="a.0.b" data-format="signed:1">+1.3</data>'
    )
    assert 'value=""' in number(Node(DOC)["none"], "signed:1")
    assert attributes(Node(DOC).a[0].b, "count")["data-value"] == "1.25"


def test_a_number_is_never_printed_bare_nor_a_misspelt_name_passed_over() -> None:
    with pytest.raises(TypeError, match=r"a\.0\.b is not text"):
        Node(DOC).a[0].b.__html__()
    with pytest.raises(AttributeError, match="no"):
        _ = Node(DOC).misspelt
