"""What a sample must pass to be written, in the order in which it is asked; the reason of each that does not."""

import functools
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fastnlp_jobs.jobs.augment.classifier import Classifier
from fastnlp_jobs.jobs.augment.copies import nearest, nearest_earlier
from fastnlp_jobs.jobs.augment.corpus import Corpus
from fastnlp_jobs.jobs.augment.languages import chinese, is_written_in

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.augment import Config

Reason = Literal[
    "too_short",
    "too_long",
    "too_few_turns",
    "empty_turn",
    "no_opening",
    "no_keyword",
    "other_language",
    "near_dev_or_test",
    "near_train",
    "near_synthetic",
    "classifier_disagrees",
    "beyond_target",
]
COPIES = ("near_train", "near_synthetic")  # what says that a class is saturated


@dataclass(frozen=True)
class Sample:
    """A text written for a class."""

    label: str
    text: str
    source: str  # which call or line of a file it came from


@dataclass(frozen=True)
class Verdict:
    """A sample, and why it is not written; None: it is."""

    sample: Sample
    reason: str | None = None
    similar: str | None = None  # the text it is a near-copy of, where that is no row of dev or test
    similarity: float | None = None


class GateKeeper:
    """Judges samples one round after another; what passed in one round is known to the next."""

    def __init__(self, corpus: Corpus, config: "Config") -> None:
        """Know train, and of dev and test what no sample may come near."""
        self._corpus = corpus
        self._gates = config.gates
        self._language = config.prompt.language
        self._opening = corpus.clean([config.gates.opening or ""])[0]
        self._keywords = {label: corpus.clean(words) for label, words in config.prompt.keywords.items()}
        self._train = [text for texts in corpus.seeds.values() for text in texts]
        self._chinese = chinese("".join(self._train)).most_common(1)[0][0]
        self.accepted: list[Sample] = []

    @functools.cached_property
    def _classifier(self) -> Classifier:
        return Classifier(self._train, [label for label, texts in self._corpus.seeds.items() for _ in texts])

    def judge(self, samples: list[Sample], room: Mapping[str, int]) -> list[Verdict]:
        """A verdict for each sample, in their order; texts cleaned as those of the corpus were.

        `room` says how many samples of each class may pass.
        """
        cleaned = self._corpus.clean([_with_separator(sample.text, self._gates.separator) for sample in samples])
        samples = [Sample(one.label, text, one.source) for one, text in zip(samples, cleaned, strict=True)]
        verdicts = [Verdict(sample, self._form(sample)) for sample in samples]
        self._refuse_copies(verdicts, "near_dev_or_test", self._corpus.held_out)
        self._refuse_copies(verdicts, "near_train", self._train)
        self._refuse_copies(verdicts, "near_synthetic", [sample.text for sample in self.accepted])
        self._refuse_disagreement(verdicts)
        self._refuse_each_other(verdicts)
        _refuse_beyond(verdicts, Counter(room))
        self.accepted += [verdict.sample for verdict in verdicts if verdict.reason is None]
        return verdicts

    def _form(self, sample: Sample) -> Reason | None:
        """What the text alone tells."""
        gates, text = self._gates, sample.text
        turns = text.split(gates.separator) if gates.separator else [text]
        keywords = self._keywords.get(sample.label, [])
        words = text.replace(gates.separator or "", "")
        broken: dict[Reason, bool] = {
            "too_short": len(text) < gates.min_characters,
            "too_long": len(text) > gates.max_characters,
            "too_few_turns": len(turns) < gates.min_turns,
            "empty_turn": not all(turn.strip() for turn in turns),
            "no_opening": not text.startswith(self._opening),
            "no_keyword": gates.requires_keywords and bool(keywords) and not any(word in text for word in keywords),
            "other_language": not is_written_in(words, self._language) or self._is_other_chinese(words),
        }
        return next((reason for reason, is_broken in broken.items() if is_broken), None)

    def _is_other_chinese(self, text: str) -> bool:
        """Clearly traditional where train is simplified, or the other way round: so written, no copy would be seen."""
        found = chinese(text)
        return self._language == "zh" and found.total() > 4 * found[self._chinese]

    def _refuse_copies(self, verdicts: list[Verdict], reason: Reason, others: list[str]) -> None:
        rows = [row for row, verdict in enumerate(verdicts) if verdict.reason is None]
        texts = [verdicts[row].sample.text for row in rows]
        for copy, (original, similarity) in nearest(texts, others, self._gates.copy_threshold).items():
            # A text of dev or test stands in no file about train.
            similar = None if reason == "near_dev_or_test" else others[original]
            verdicts[rows[copy]] = Verdict(verdicts[rows[copy]].sample, reason, similar, similarity)

    def _refuse_each_other(self, verdicts: list[Verdict]) -> None:
        """Of near-copies in one round the first stays."""
        rows = [row for row, verdict in enumerate(verdicts) if verdict.reason is None]
        texts = [verdicts[row].sample.text for row in rows]
        for copy, (kept, similarity) in nearest_earlier(texts, self._gates.copy_threshold).items():
            verdicts[rows[copy]] = Verdict(verdicts[rows[copy]].sample, "near_synthetic", texts[kept], similarity)

    def _refuse_disagreement(self, verdicts: list[Verdict]) -> None:
        """A class with few rows cannot be judged: a classifier that never saw it would refuse all it needs."""
        rows = [row for row, verdict in enumerate(verdicts) if verdict.reason is None and self._judges(verdict.sample)]
        if not self._gates.classifier_top or not rows:
            return
        ranked = self._classifier.ranks([verdicts[row].sample.text for row in rows])
        for row, classes in zip(rows, ranked, strict=True):
            if verdicts[row].sample.label not in classes[: self._gates.classifier_top]:
                verdicts[row] = Verdict(verdicts[row].sample, "classifier_disagrees")

    def _judges(self, sample: Sample) -> bool:
        return len(self._corpus.seeds[sample.label]) >= self._gates.classifier_min_rows


def _refuse_beyond(verdicts: list[Verdict], room: Counter[str]) -> None:
    """The last samples of a batch, where the class needed fewer."""
    for row, verdict in enumerate(verdicts):
        if verdict.reason is None:
            room[verdict.sample.label] -= 1
            if room[verdict.sample.label] < 0:
                verdicts[row] = Verdict(verdict.sample, "beyond_target")


def _with_separator(text: str, separator: str | None) -> str:
    """The separator where a model wrote it in other brackets or case, or no separator but a line for each turn."""
    if separator is None:
        return text
    if in_brackets := re.fullmatch(r"[\[<](\w{2,})[\]>]", separator):
        meant = rf"\s*[\[［【〔<《({{]\s*{in_brackets[1]}\s*[\]］】〕>》)}}]\s*"
        text = re.sub(meant, lambda _: separator, text, flags=re.IGNORECASE)
    return text if separator in text else re.sub(r"\s*\n\s*", lambda _: separator, text.strip())
