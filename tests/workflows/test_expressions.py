"""The languages of `when`, `depends` and `expression`, against Python's own reading of the same text."""

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnlp_jobs.runtime.evaluation import evaluate, holds
from fastnlp_jobs.runtime.expressions import ExpressionError, names, parse, task_met
from fastnlp_jobs.runtime.functions import as_text
from fastnlp_jobs.runtime.model import RESULTS

COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul}
STEPS = ("a", "b-c", "d_1", "0e")
numbers = st.integers(-50, 50)
words = st.from_regex(r"[A-Za-z_]\w{0,8}", fullmatch=True).filter(
    lambda word: word not in ("true", "false", "in", "IN")
)
arithmetic = st.recursive(
    numbers.map(lambda number: (str(number), number)),
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(
        lambda parts: (f"({parts[0][0]} {parts[1]} {parts[2][0]})", OPERATORS[parts[1]](parts[0][1], parts[2][1]))
    ),
)
truths = st.recursive(
    st.booleans().map(lambda value: (str(value).lower(), value)),
    lambda inner: st.one_of(
        inner.map(lambda one: (f"!{one[0]}" if one[0][0] != "!" else f"!({one[0]})", not one[1])),
        st.tuples(inner, inner).map(lambda two: (f"({two[0][0]} && {two[1][0]})", two[0][1] and two[1][1])),
        st.tuples(inner, inner).map(lambda two: (f"({two[0][0]} || {two[1][0]})", two[0][1] or two[1][1])),
    ),
)


@given(numbers, st.sampled_from(list(COMPARISONS)), numbers)
def test_when_compares_numbers_as_numbers(left, sign, right):
    assert holds(f"{left} {sign} {right}") is COMPARISONS[sign](left, right)


@given(words, st.sampled_from(["==", "!="]), words)
def test_when_compares_words_as_texts_with_or_without_quotes(left, sign, right):
    assert holds(f"{left} {sign} {right}") is COMPARISONS[sign](left, right)
    assert holds(f"'{left}' {sign} \"{right}\"") is COMPARISONS[sign](left, right)


@given(truths)
def test_and_or_and_not_mean_what_they_mean_everywhere(pair):
    text, value = pair
    assert holds(text) is value
    assert evaluate(text, {}) is value


@given(arithmetic)
def test_an_expression_calculates_as_python_does(pair):
    text, value = pair
    assert evaluate(text, {}) == value


@given(st.lists(numbers, min_size=1, max_size=5), st.data())
def test_multiplication_binds_before_addition_and_addition_before_comparison(values, data):
    signs = data.draw(st.lists(st.sampled_from(["+", "-", "*"]), min_size=len(values) - 1, max_size=len(values) - 1))
    text = str(values[0]) + "".join(f" {sign} {value}" for sign, value in zip(signs, values[1:], strict=True))
    assert evaluate(f"{text} < 7", {}) is (eval(text) < 7)


@given(st.text())
def test_any_text_can_stand_between_quotes(text):
    quoted = "".join(f"\\{letter}" if letter in "\\'" else letter for letter in text)
    assert evaluate(f"'{quoted}'", {}) == text


@given(st.text(max_size=30), st.sampled_from(["when", "depends", "expression"]))
def test_a_text_is_read_or_refused_and_nothing_else(text, kind):
    try:
        parse(text, kind)
    except ExpressionError as error:
        assert repr(text)[1:-1] in str(error) or "unexpected" in str(error)


@st.composite
def dependencies(draw):
    """A `depends`, which results of steps it asks for, and whether it holds."""
    results = {step: {result: draw(st.booleans()) for result in RESULTS} for step in STEPS}
    plain = {step: draw(st.booleans()) for step in STEPS}
    leaf = st.sampled_from(STEPS).flatmap(
        lambda step: st.sampled_from((None, *RESULTS)).map(
            lambda result: (f"{step}.{result}", results[step][result]) if result else (step, plain[step])
        )
    )
    tree = st.recursive(
        leaf,
        lambda inner: st.one_of(
            inner.map(lambda one: (f"!({one[0]})", not one[1])),
            st.tuples(inner, inner).map(lambda two: (f"({two[0][0]}) && {two[1][0]}", two[0][1] and two[1][1])),
            st.tuples(inner, inner).map(lambda two: (f"({two[0][0]} || {two[1][0]})", two[0][1] or two[1][1])),
        ),
    )
    text, value = draw(tree)
    return text, results, plain, value


@given(dependencies())
def test_depends_holds_where_its_steps_ended_so(case):
    text, results, plain, value = case
    node = parse(text, "depends")
    assert task_met(node, results, plain) is value
    assert {name.partition(".")[0] for name in names(node)} <= set(STEPS)


RETRY = "lastRetry.status == 'Error' || asInt(lastRetry.exitCode) in [3, 143] || lastRetry.message matches 'evicted'"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (RETRY, True),
        ("workflow.parameters.n == '4' ? 'four' : 'other'", "four"),
        ("asInt(workflow.parameters.n) + 1", 5),
        ("asFloat(workflow.parameters.n) / 8", 0.5),
        ("tasks['a-b'].outputs.result + 'x'", "7x"),
        ("nothing ?? 'else'", "else"),
        ("nothing == nil", True),
        ("2 ** 3 ** 0", 2),
        ("7 % 4", 3),
        ("!(1 in [2])", True),
        ("1 not in 2..3", True),
        ("'ab' startsWith 'a' and 'ab' contains 'b'", True),
        ("{a: [1, 2]}.a[1]", 2),
        ("len(fromJSON('[1, 2]'))", 2),
        ("filter([1, 2, 3], {# > 1})", [2, 3]),
        ("map(1..3, # * 2)", [2, 4, 6]),
        ("count([{n: 1}, {n: 5}], .n > 2) == 1 && any([1], # == 1)", True),
        ('toJson(map(fromJSON(\'[{"a": "<x>"}]\'), .a))', '["<x>"]'),
        ('jsonpath(\'{"a": [{"b": 1}, {"b": 2}]}\', \'$.a[1].b\')', 2.0),
        ('toJson(jsonpath(\'{"a": [{"b": 1}, {"b": 2}]}\', \'$.a[*].b\'))', "[1,2]"),
        ("sprig.upper(sprig.trim('  x ')) + sprig.replace('a', 'b', 'aa')", "Xbb"),
        ("sprig.int(workflow.parameters.n) + sprig.add(1, '2')", 7),
        ("string(1.5) + join(split('a,b', ','), '-')", "1.5a-b"),
    ],
)
def test_what_expressions_of_workflows_come_to(expression, value):
    variables = {
        "lastRetry.status": "Failed",
        "lastRetry.exitCode": "143",
        "lastRetry.message": "",
        "workflow.parameters": "[]",
        "workflow.parameters.n": "4",
        "tasks.a-b.outputs.result": "7",
    }
    assert evaluate(expression, variables) == value


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("nothing.member", "cannot fetch member from <nil>"),
        ("asInt('x')", "asInt(x): "),
        ("'a' + 1", "cannot evaluate a + 1: a is not a number"),
        ("1 && true", "expected true or false, got 1"),
        ("missing(1)", "unknown function missing"),
        ("filter('no list', # > 1)", "expected a list, got no list"),
        ("jsonpath('{}', '$.a')", "jsonpath({}, $.a): there is no 'a' in it"),
        ("(1", "unexpected the end in '(1', expected `)`"),
        ("1 +", "unexpected the end in '1 +'"),
    ],
)
def test_what_cannot_be_evaluated_is_told(expression, message):
    with pytest.raises(ExpressionError) as told:
        evaluate(expression, {})
    assert str(told.value).startswith(message)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (1e6, "1e+06"),
        (123456.0, "123456"),
        (0.1, "0.1"),
        (1e-5, "1e-05"),
        (True, "true"),
        ([1, "a"], "[1 a]"),
    ],
)
def test_values_are_written_as_argo_writes_them(value, text):
    assert as_text(value) == text


def test_a_condition_that_is_no_condition_is_told():
    with pytest.raises(ExpressionError, match=r"Expected boolean evaluation for 'a'\. Got a"):
        holds("a")
