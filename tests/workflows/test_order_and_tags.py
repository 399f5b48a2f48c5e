"""Properties of the order of steps and of tags in texts."""

import pytest
from hera.workflows import models
from hypothesis import given
from hypothesis import strategies as st

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.runtime.check import order
from fastnlp_jobs.runtime.tags import substitute, tags

NAMES = "abcdefgh"


@st.composite
def graphs(draw):
    """Steps in any order, each depending on some with an earlier letter."""
    before = {
        name: draw(st.sets(st.sampled_from(NAMES[:index]))) if index else set() for index, name in enumerate(NAMES)
    }
    return [task(draw, name, sorted(before[name])) for name in draw(st.permutations(NAMES))], before


def task(draw, name, before):
    """A step in one of the two ways to say what it waits for."""
    if before and draw(st.booleans()):
        return models.DAGTask(name=name, template="any", depends=" && ".join(before))
    return models.DAGTask(name=name, template="any", dependencies=before)


@given(graphs())
def test_every_step_comes_after_those_it_depends_on(graph):
    tasks, before = graph
    done: set[str] = set()
    for name in order(tasks):
        assert before[name] <= done
        done.add(name)
    assert done == set(NAMES)


@given(graphs(), st.data())
def test_steps_that_wait_for_each_other_are_refused(graph, data):
    tasks, before = graph
    by_name = {task.name: task for task in tasks}
    waiting = data.draw(st.sampled_from(NAMES))
    first = data.draw(st.sampled_from(sorted({waiting, *before[waiting]})))
    before[first].add(waiting)
    by_name[first].depends, by_name[first].dependencies = None, sorted(before[first])
    with pytest.raises(BadInput, match="steps wait for each other: "):
        order(tasks)


@given(st.text())
def test_a_text_without_tags_stays_as_it_is(text):
    if not tags(text):
        assert substitute(text, {}) == text


@given(st.lists(st.tuples(st.text(alphabet="xyz {}", max_size=5), st.text())))
def test_every_tag_is_replaced_by_its_value_and_nothing_else_changes(parts):
    values = {f"name.{index}": value for index, (_between, value) in enumerate(parts)}
    between = [text.replace("{", "(").replace("}", ")") for text, _value in parts]
    written = "".join(f"{text}{{{{ name.{index} }}}}" for index, text in enumerate(between))
    expected = "".join(f"{text}{value}" for text, (_between, value) in zip(between, parts, strict=True))
    assert substitute(written, values) == expected
