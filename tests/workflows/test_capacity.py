"""Who may run beside whom."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnlp_jobs.runtime.capacity import Capacity


@given(st.lists(st.integers(1, 3), min_size=1, max_size=8), st.integers(3, 5))
def test_never_more_is_held_than_there_is_and_everybody_gets_a_turn(amounts, available):
    capacity, lock = Capacity({"cores": available}), threading.Lock()
    held, most, turns = 0, 0, []

    def take(order, amount):
        nonlocal held, most
        with capacity.hold({"cores": amount}, lambda: True, order) as started:
            with lock:
                held += amount
                most = max(most, held)
                turns.append(started)
            with lock:
                held -= amount

    threads = [threading.Thread(target=take, args=pair) for pair in enumerate(amounts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= available
    assert turns == [True] * len(amounts)


def test_the_first_in_order_goes_first_whoever_came_first():
    capacity, turns = Capacity({"pods": 1}), []

    def take(order, in_the_queue):
        # it stands in the queue once it is asked; set() gives None
        with capacity.hold({"pods": 1}, lambda: not in_the_queue.set(), order):
            turns.append(order)

    threads = []
    with capacity.hold({"pods": 1}, lambda: True, 0):
        for order in (3, 1, 2):
            in_the_queue = threading.Event()
            threads.append(threading.Thread(target=take, args=(order, in_the_queue)))
            threads[-1].start()
            in_the_queue.wait()
    for thread in threads:
        thread.join()
    assert turns == [1, 2, 3]


def test_a_smaller_one_may_pass_one_that_does_not_fit():
    capacity = Capacity({"memory": 4})
    with capacity.hold({"memory": 3}, lambda: True, 0):
        large = threading.Thread(target=lambda: capacity.hold({"memory": 2}, lambda: True, 1).__enter__())
        large.start()
        with capacity.hold({"memory": 1}, lambda: True, 2) as started:
            assert started
    large.join()


def test_what_is_not_limited_is_never_waited_for():
    with Capacity({}).hold({"pods": 5}, lambda: True, 0) as started:
        assert started


@pytest.mark.parametrize("fits", [True, False])
def test_a_halt_ends_the_wait(fits):
    capacity, halted = Capacity({"cores": 1}), threading.Event()
    answers = []

    def wait():
        with capacity.hold({"cores": 1 if fits else 2}, lambda: not halted.is_set(), 1) as started:
            answers.append(started)

    with capacity.hold({"cores": 1}, lambda: True, 0):
        thread = threading.Thread(target=wait)
        thread.start()
        halted.set()
        capacity.look_again()
        thread.join()
    assert answers == [False]
