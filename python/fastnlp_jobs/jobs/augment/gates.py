"""What a sample must pass to be written, in the order in which it is asked; the reason of each that does not."""

import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from fastnlp_core import near_duplicates
from fastnlp_jobs.jobs.augment.classifier import Classifier
from fastnlp_jobs.jobs.augment.copies import nearest
from fastnlp_jobs.jobs.augment.corpus import Corpus

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
REASONS = get_args(Reason)
COPIES = ("near_train", "near_synthetic")  # what says that a class is saturated
_SCRIPTS = {"zh": "CJK", "fr": "LATIN", "en": "LATIN"}  # as names of characters begin


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
        """Train the classifier, on train alone."""
        self._corpus = corpus
        self._gates = config.gates
        self._prompt = config.prompt
        self._train = [text for texts in corpus.seeds.values() for text in texts]
        labels = [label for label, texts in corpus.seeds.items() for _ in texts]
        self._classifier = Classifier(self._train, labels) if self._gates.classifier_top else None
        self.accepted: list[Sample] = []

    def judge(self, samples: list[Sample], room: Mapping[str, int]) -> list[Verdict]:
        """A verdict for each sample, in their order; texts cleaned as those of the corpus were.

        `room` says how many samples of each class may pass.
        """
        cleaned = self._corpus.clean([sample.text for sample in samples])
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
        keywords = self._prompt.keywords.get(sample.label, [])
        opening = self._corpus.clean([gates.opening])[0] if gates.opening else ""
        broken: dict[Reason, bool] = {
            "too_short": len(text) < gates.min_characters,
            "too_long": len(text) > gates.max_characters,
            "too_few_turns": len(turns) < gates.min_turns,
            "empty_turn": not all(turn.strip() for turn in turns),
            "no_opening": not text.startswith(opening),
            "no_keyword": gates.requires_keywords and bool(keywords) and not any(word in text for word in keywords),
            "other_language": not _is_written_in(text.replace(gates.separator or "", ""), self._prompt.language),
        }
        return next((reason for reason, is_broken in broken.items() if is_broken), None)

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
        for copy in near_duplicates(texts, self._gates.copy_threshold).clusters.to_pylist():
            sample = verdicts[rows[copy["row"]]].sample
            verdicts[rows[copy["row"]]] = Verdict(sample, "near_synthetic", texts[copy["kept"]], copy["similarity"])

    def _refuse_disagreement(self, verdicts: list[Verdict]) -> None:
        """A class with few rows cannot be judged: a classifier that never saw it would refuse all it needs."""
        rows = [row for row, verdict in enumerate(verdicts) if verdict.reason is None and self._judges(verdict.sample)]
        if self._classifier is None or not rows:
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


def _is_written_in(text: str, language: str) -> bool:
    """Whether at least half of the letters are of the language's script; so French and English are not told apart."""
    letters = Counter(unicodedata.name(sign, "").split(" ")[0] for sign in text if sign.isalpha())
    return 2 * letters[_SCRIPTS[language]] >= letters.total() > 0
