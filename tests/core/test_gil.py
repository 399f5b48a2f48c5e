"""While the core works, other Python threads go on."""

import random
import threading
import time

import pyarrow as pa
import pytest

from fastnlp_core import Segmenter, association_rules, frequent_itemsets, near_duplicates, normalize

SOURCE = random.Random(1)
TEXTS = pa.array(["".join(chr(SOURCE.randrange(0x4E00, 0x9FA5)) for _ in range(40)) for _ in range(20_000)])
ROWS = pa.array([SOURCE.sample("abcdefghijklmnopqrst", 12) for _ in range(20_000)])
ITEMSETS = frequent_itemsets(ROWS, 0.01, max_length=5)
WORK = {
    "cut": lambda: Segmenter().cut(TEXTS),
    "normalize": lambda: normalize(TEXTS, ["nfkc", "mask_urls", "mask_mentions", "fold_elongations"]),
    "frequent_itemsets": lambda: frequent_itemsets(ROWS, 0.01, max_length=5),
    "association_rules": lambda: association_rules(ITEMSETS, metric="support", min_threshold=0.0),
    "near_duplicates": lambda: near_duplicates(TEXTS, threshold=0.5),
}


def longest_wait(work):
    """The longest time for which this thread stood still while another one worked, as a share of that work."""
    began, ended = threading.Event(), threading.Event()

    def run():
        began.set()
        work()
        ended.set()

    thread = threading.Thread(target=run)
    thread.start()
    began.wait()
    start = last = time.monotonic()
    longest = 0.0
    while not ended.is_set():
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    thread.join()
    return longest / (last - start)


@pytest.mark.parametrize("name", WORK)
def test_other_threads_go_on_while_a_function_works(name):
    # Where the function keeps the lock, this thread stands still for most of the time; so it may by chance
    # on a machine that others use too.
    assert any(longest_wait(WORK[name]) < 0.25 for _ in range(5))
