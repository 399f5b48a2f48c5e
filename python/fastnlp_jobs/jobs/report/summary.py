"""The run in plain words: what was found, what it is to be compared with, and what to be careful about."""

from typing import Any

import polars as pl
from markupsafe import Markup

from fastnlp_jobs.jobs.report import augmented, shown
from fastnlp_jobs.jobs.report.answered import Answers
from fastnlp_jobs.jobs.report.facts import SIGNIFICANT, Crawl, Description, Facts, Flow, Patterns
from fastnlp_jobs.jobs.report.labelled import Labels
from fastnlp_jobs.jobs.report.shown import Tile

_FEW_DOCUMENTS = 100
_LARGE_SHARE = 0.5


def tiles(facts: Facts) -> list[Tile]:
    """The numbers that matter most, each with what it is a part of."""
    flow = facts.flow
    left_out = flow.rows_removed + flow.rows_rejected
    found = [
        Tile("rows read", shown.integer(flow.rows_read), f"{shown.integer(flow.rows_rejected)} could not be used"),
        Tile("documents", shown.integer(flow.documents), f"{_part(flow.documents, flow.rows_read)} of the rows"),
        Tile("left out", shown.integer(left_out), f"{shown.integer(flow.rows_removed)} removed on purpose"),
    ]
    if facts.description is not None:
        counts = facts.description.counts
        authors = shown.amount(counts["authors"], "author") if counts["authors"] else "authors not known"
        found.append(Tile("threads", shown.integer(counts["threads"]), authors))
        found.append(
            Tile(
                "tokens", shown.integer(counts["tokens"]), f"{shown.integer(counts['distinct_words'])} different words"
            )
        )
    if facts.patterns is not None:
        note = f"not redundant, of {shown.integer(facts.patterns.tests)} tested"
        found.append(Tile("rules", shown.integer(facts.patterns.notable.height), note))
    return found


def findings(facts: Facts) -> list[Markup]:
    """What the run found, one sentence or two each."""
    said = [_flow(facts.flow)]
    if facts.description is not None:
        said += [*_corpus(facts.description), *_keyness(facts.description)]
    if facts.patterns is not None:
        said += _rules(facts.patterns)
    if facts.labels is not None:
        said += _labels(facts.labels)
    if facts.answers is not None:
        said.append(_asked(facts.answers))
    if facts.augmented is not None:
        said.append(augmented.finding(facts.augmented))
    return said


def cautions(facts: Facts) -> list[Markup]:
    """What the numbers do not say."""
    said = _origin(facts.crawl)
    if facts.description is None:
        said.append(Markup("The step <code>describe</code> was switched off: no words, lengths or times here."))
    else:
        said += _gaps(facts.description)
    if facts.patterns is None:
        said.append(Markup("The step <code>mine</code> was switched off: no rules here."))
    if facts.labels is not None:
        said += _label_gaps(facts.labels)
        if facts.answers is not None:
            said.append(_of_a_model(facts.answers, facts.labels))
    if facts.augmented is not None:
        said += augmented.cautions(facts.augmented)
    said.append(
        Markup(
            "Tests treat documents as independent of each other. Comments of one author or one thread are not, "
            "so read p and q as a filter against chance, not as proof."
        )
    )
    return said


def _flow(flow: Flow) -> Markup:
    sentence = Markup("Of <b>{}</b> rows read, <b>{}</b> ({}) became documents. ").format(
        shown.integer(flow.rows_read), shown.integer(flow.documents), _part(flow.documents, flow.rows_read)
    )
    if flow.rows_removed:
        top = flow.removed.row(0, named=True)
        sentence += Markup("{} were removed on purpose, most often for “{}” ({}). ").format(
            shown.integer(flow.rows_removed), _quoted(shown.reason(top["reason"])), shown.integer(top["rows"])
        )
    if flow.rows_rejected:
        top = flow.rejected.row(0, named=True)
        sentence += Markup("{} could not be used, most often for “{}” ({}).").format(
            shown.integer(flow.rows_rejected), _quoted(shown.reason(top["reason"])), shown.integer(top["rows"])
        )
    return sentence


def _corpus(description: Description) -> list[Markup]:
    median, long = description.quantile("characters", 50), description.quantile("characters", 95)
    said = [
        Markup("Half of the documents have at most <b>{}</b> characters, 95 % at most {}.").format(
            shown.integer(median), shown.integer(long)
        )
    ]
    known = description.timeline.drop_nulls("start")
    if known.height:
        unit, zone = known["unit"][0], known["timezone"][0]
        precision = "%Y-%m-%d %H:%M" if unit in ("minute", "10 minutes", "hour") else "%Y-%m-%d"
        bins = known["start"].dt.convert_time_zone(zone).dt.strftime(precision)
        busiest = known.with_columns(bin=bins).sort("documents", "start", descending=[True, False]).row(0, named=True)
        said.append(
            Markup("The dates run from {} to {} ({}); the busiest {} began {} with {} documents.").format(
                bins[0], bins[-1], zone, unit, busiest["bin"], shown.integer(busiest["documents"])
            )
        )
    languages = [
        Markup("{} ({})").format(_quoted(row["value"] or "not known"), shown.percent(row["share"]))
        for row in description.share_of("language").head(3).iter_rows(named=True)
    ]
    if languages:
        said.append(Markup("Languages: {}.").format(Markup(", ").join(languages)))
    words = description.words.filter(pl.col("kind") == "word").sort("documents", "item", descending=[True, False])
    if words.height:
        most = [_quoted(word) for word in words["item"].head(5)]
        said.append(
            Markup("The words found in the most documents: {}. The first stands in {} of them.").format(
                Markup(", ").join(most), shown.percent(words["share"][0])
            )
        )
    return said


def _keyness(description: Description) -> list[Markup]:
    groups, words = description.comparison, description.keyness
    if not words.height:
        return []
    passed = words.filter(pl.col("q_value") <= SIGNIFICANT)
    sentence = Markup(
        "Between {} ({} documents) and {} ({}), <b>{}</b> of {} compared words differ at q ≤ {}; "
        "without correction chance alone would give {} at p ≤ {}. "
    ).format(
        _quoted(groups["group_a"]),
        shown.integer(groups["documents_a"]),
        _quoted(groups["group_b"]),
        shown.integer(groups["documents_b"]),
        shown.integer(passed.height),
        shown.integer(words.height),
        SIGNIFICANT,
        _by_chance(words.height, SIGNIFICANT),
        SIGNIFICANT,
    )
    for sign in (1, -1):
        side = passed.filter(pl.col("log_ratio") * sign > 0)
        if side.height:
            sentence += _strongest_word(side.row(0, named=True), groups["group_a" if sign > 0 else "group_b"])
    return [sentence]


def _strongest_word(row: dict[str, Any], group: str) -> Markup:
    return Markup("Strongest for {}: {} ({} against {} of the documents). ").format(
        _quoted(group),
        _quoted(row["word"]),
        shown.percent(max(row["share_a"], row["share_b"])),
        shown.percent(min(row["share_a"], row["share_b"])),
    )


def _rules(patterns: Patterns) -> list[Markup]:
    if not patterns.tests:
        return [Markup("No two words stand together often enough to test a rule.")]
    sentence = Markup(
        "Of {} rules tested on {} distinct documents, <b>{}</b> have a confidence of at least {} and q ≤ {}, "
        "and <b>{}</b> of these are not redundant. "
        "Without correction chance alone would let {} through at p ≤ {}. "
    ).format(
        shown.integer(patterns.tests),
        shown.integer(patterns.transactions),
        shown.integer(patterns.rules.height),
        shown.percent(patterns.min_confidence),
        patterns.max_q_value,
        shown.integer(patterns.notable.height),
        _by_chance(patterns.tests, patterns.max_q_value),
        patterns.max_q_value,
    )
    if patterns.notable.height:
        rule = patterns.notable.sort("lift", "q_value", descending=[True, False], maintain_order=True).row(
            0, named=True
        )
        sentence += Markup(
            "The highest lift: of the documents with {}, {} also have {}; of all documents {} do."
        ).format(
            _joined(rule["antecedent"]),
            shown.percent(rule["confidence"]),
            _joined(rule["consequent"]),
            shown.percent(rule["consequent support"]),
        )
    return [sentence]


def _labels(labels: Labels) -> list[Markup]:
    groups = labels.groups["thread"]
    if not groups.height:
        return [Markup("No document holds a word of the lists: nothing is said of emotions.")]
    whole = groups.row(0, named=True)
    sentence = Markup("Of {} documents with a polarity, {} are positive and <b>{}</b> negative").format(
        shown.integer(whole["documents"]), shown.percent(whole["positive"]), shown.percent(whole["negative"])
    )
    if labels.emotions.height:
        top = labels.emotions.row(0, named=True)
        sentence += Markup("; the most frequent emotion is {} ({} documents)").format(
            _quoted(top["value"]), shown.integer(top["documents"])
        )
    return [sentence + "."]


def _asked(answers: Answers) -> Markup:
    return Markup("The language model {} was asked about {}; {} have labels.").format(
        shown.from_outside(answers.model),
        shown.amount(answers.rows, "document"),
        shown.percent(answers.asked["success"]),
    )


def _label_gaps(labels: Labels) -> list[Markup]:
    said = [
        Markup("Emotions and polarities come from word lists ({}): a baseline that understands nothing. {}").format(
            shown.from_outside(labels.model), _trust(labels, "lexicon")
        )
    ]
    if labels.other_language:
        said.append(
            Markup("{} in other languages than Chinese have no labels: the word lists are Chinese.").format(
                shown.amount(labels.other_language, "document")
            )
        )
    if (snownlp := labels.agreed("snownlp", "decided")) is not None:
        said.append(
            Markup(
                "The classifier of <code>snownlp</code> agrees with the word lists in {} of {} documents drawn for it. "
                "How often it is right is not shown: it was trained on reviews that public corpora hold too."
            ).format(shown.percent(snownlp["share"]), shown.integer(int(snownlp["num_rows"])))
        )
    return said


def _of_a_model(answers: Answers, labels: Labels) -> Markup:
    if answers.is_embedded:
        sentence = Markup(
            "The labels of {} are <b>worthless</b>: it is a tiny model that shows that a model can be asked and its "
            "answers be held to a form. Read nothing from them."
        )
    elif labels.agreed("llm", "all") is None and labels.judged("llm").is_empty():
        sentence = Markup("The labels are what the language model {} says; nothing here shows how often it is right.")
    else:
        sentence = Markup("The labels are what the language model {} says. ") + _trust(labels, "llm")
    return sentence.format(shown.from_outside(answers.model))


def _trust(labels: Labels, labeller: str) -> Markup:
    """How often the labels are right, beside what knowing nothing gives."""
    said = _beside_known(labels, labeller) + _beside_people(labels, labeller)
    return Markup(" ").join(said) if said else Markup("No known labels tell how often it is right.")


def _beside_known(labels: Labels, labeller: str) -> list[Markup]:
    right, majority = labels.agreed(labeller, "all"), labels.agreed("majority", "all")
    if right is None or majority is None:
        return []
    said = Markup(
        "Against {} known labels it is right in <b>{}</b> ({} to {}); always the most frequent label would be in {}."
    ).format(
        shown.integer(int(right["num_rows"])),
        shown.percent(right["share"]),
        shown.percent(right["low"]),
        shown.percent(right["high"]),
        shown.percent(majority["share"]),
    )
    positive, negative = labels.agreed("lexicon", "positive"), labels.agreed("lexicon", "negative")
    if labeller != "lexicon" or positive is None or negative is None:
        return [said]
    bias = Markup("It finds {} of the positive and {} of the negative ones: compare groups, not levels.").format(
        shown.percent(positive["share"]), shown.percent(negative["share"])
    )
    return [said, bias]


def _beside_people(labels: Labels, labeller: str) -> list[Markup]:
    sentence = Markup(
        "Of {} judgements of people on {} it meets <b>{}</b> ({} to {}); always the most frequent label would meet {}."
    )
    return [
        sentence.format(
            shown.integer(row["num_rows"]),
            _quoted(row["field"]),
            *(shown.percent(row[name]) for name in ("value", "low", "high", "trivial")),
        )
        for row in labels.judged(labeller).iter_rows(named=True)
    ]


def _origin(crawl: Crawl) -> list[Markup]:
    said = []
    if crawl.source == "demo":
        said.append(
            Markup(
                "Only texts and labels are real. The demo site <b>simulates</b> people, threads, replies, times, "
                "regions and likes, with effects planted in them to be found again (<code>docs/demo_site.md</code>)."
            )
        )
    if crawl.unfinished:
        why = Markup(" ({})").format(shown.from_outside(crawl.stopped)) if crawl.stopped else ""
        said.append(
            Markup("The crawl did not reach the end of {} of {}{}: what stands there is missing.").format(
                shown.integer(crawl.unfinished), shown.amount(crawl.streams, "stream"), why
            )
        )
    if crawl.missed:
        said.append(
            Markup("Not read: {}, first of all {}.").format(
                shown.amount(len(crawl.missed), "place"), shown.from_outside(crawl.missed[0])
            )
        )
    if crawl.retention_until:
        said.append(
            Markup("These comments may be kept until {}. Purpose: {}. Legal basis: {}.").format(
                crawl.retention_until, shown.from_outside(crawl.purpose), shown.from_outside(crawl.legal_basis)
            )
        )
    return said


def _gaps(description: Description) -> list[Markup]:
    counts, documents = description.counts, description.counts["documents"]
    said = []
    if documents < _FEW_DOCUMENTS:
        said.append(
            Markup("Only {}: every share and rule rests on a few texts.").format(shown.amount(documents, "document"))
        )
    missing = {
        "a date": counts["documents_without_time"],
        "an author": counts["documents_without_author"],
        "a region": counts["documents_without_region"],
    }
    absent = [name for name, number in missing.items() if number == documents > 0]
    if absent:
        said.append(Markup("No document has {}: nothing here speaks of that.").format(" or ".join(absent)))
    for name, number in missing.items():
        if 0 < number < documents:
            said.append(
                Markup("{} documents ({}) are without {} and left out wherever it counts.").format(
                    shown.integer(number), _part(number, documents), name
                )
            )
    threads = description.share_of("thread")
    if threads.height > 2 and threads["share"][0] >= _LARGE_SHARE:
        said.append(
            Markup("One thread, {}, holds {} of the documents and weighs as much in every number.").format(
                _quoted(threads["value"][0]), shown.percent(threads["share"][0])
            )
        )
    if not description.keyness.height:
        said.append(Markup("{}.").format(_sentence(description.comparison["note"])))
    return said


def _sentence(note: str) -> str:
    return shown.text(note[:1].upper() + note[1:])


def _by_chance(tests: int, p_value: float) -> str:
    expected = round(tests * p_value)
    return f"about {shown.integer(expected)}" if expected else "hardly any"


def _part(part: int, whole: int) -> str:
    return shown.percent(part / whole) if whole else shown.NOTHING


def _quoted(value: str) -> Markup:
    """A word from outside, kept from turning the direction of the sentence around it."""
    return Markup('<bdi class="word">{}</bdi>').format(shown.text(value, 40))


def _joined(words: list[str]) -> Markup:
    return Markup(" + ").join(_quoted(word) for word in words)
