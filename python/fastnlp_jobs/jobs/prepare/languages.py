"""Which language a row is in: its script decides; for Latin script, a detector on its whole thread.

A comment of five words is too short for a detector, a thread is not. So each thread's Latin text is
joined, in row order, up to `SAMPLE_CHARACTERS`, and its rows share the answer.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from fastnlp_jobs.schemas import MASKS
from fastnlp_jobs.tables import read_table, write_table

SAMPLE_CHARACTERS = 2_000
MIN_CONFIDENCE = 0.5
UNKNOWN = "und"  # ISO 639: undetermined
LATIN, NO_LETTERS = "latin", "none"  # scripts that the thread turns into a language

# A Han character says about as much as four letters, and Chinese comments are full of `ok`, `yyds`.
_CJK_SHARE = 0.25
# Chinese writers use の as an ornament (我の家), so it does not make a text Japanese.
_KANA = r"[\p{Hiragana}\p{Katakana}--の]"
_KANA_SHARE = 0.1


def scripts(texts: pl.Series) -> pl.Series:
    """The script of each clean text: `zh`, `ja`, `ko`, `latin`, `none` (no letter at all) or `und`."""
    counted = (
        texts.to_frame("text")
        .select(pl.col("text").str.replace_all(MASKS, ""))
        .select(
            han=_count(r"\p{Han}"),
            kana=_count(_KANA),
            hangul=_count(r"\p{Hangul}"),
            latin=_count(r"\p{Latin}"),
            letters=_count(r"\p{L}"),
        )
    )
    cjk = pl.col("han") + pl.col("kana")
    threshold = pl.col("letters") * _CJK_SHARE
    script = (
        pl.when(pl.col("letters") == 0)
        .then(pl.lit(NO_LETTERS))
        .when((cjk > 0) & (cjk >= threshold) & (pl.col("kana") > cjk * _KANA_SHARE))
        .then(pl.lit("ja"))
        .when((cjk > 0) & (cjk >= threshold))
        .then(pl.lit("zh"))
        .when((pl.col("hangul") > 0) & (pl.col("hangul") >= threshold))
        .then(pl.lit("ko"))
        .when(pl.col("latin") * 2 > pl.col("letters"))
        .then(pl.lit(LATIN))
        .otherwise(pl.lit(UNKNOWN))
    )
    return counted.select(script=script)["script"]


_ROWS_BY_SCRIPT = pa.schema({"thread_id": pa.string(), "script": pa.string(), "rows": pa.uint32()})
_SAMPLES = pa.schema({"thread_id": pa.string(), "sample": pa.string()})


class ThreadLanguages:
    """What the rows of each thread say about the language of the rows that cannot say it themselves."""

    def __init__(self, *, detects: bool = True) -> None:
        """No thread seen yet; `detects` says that they will be `decided` here."""
        self._samples: dict[str, str] = {}
        self._detects = detects
        self._detector: Future[Any] | None = None
        self._counts = pl.DataFrame(schema={"thread_id": pl.String, "script": pl.String, "rows": pl.UInt32})

    def add(self, rows: pl.DataFrame) -> None:
        """Take in the columns thread_id, script and clean of the next rows."""
        self._add_counts(rows.group_by("thread_id", "script").agg(rows=pl.len()))
        unmasked = pl.col("clean").str.replace_all(MASKS, "")
        latin = rows.filter(pl.col("script") == LATIN).with_columns(unmasked).group_by("thread_id", maintain_order=True)
        for thread, texts in latin.agg("clean").iter_rows():
            self._extend_sample(thread, texts)
        if self._samples and self._detects and self._detector is None:
            self._detector = _start_loading()

    def write(self, folder: Path) -> None:
        """Write what the rows said, for `add_written`."""
        counts = self._counts.sort("thread_id", "script").to_arrow()
        write_table(counts, folder / "scripts.parquet", _ROWS_BY_SCRIPT)
        threads, samples = zip(*sorted(self._samples.items()), strict=True) if self._samples else ((), ())
        write_table(pa.table([threads, samples], schema=_SAMPLES), folder / "samples.parquet", _SAMPLES)

    def add_written(self, folder: Path) -> None:
        """Take in what the next rows said, as if they were added themselves."""
        self._add_counts(pl.DataFrame(read_table(folder / "scripts.parquet", _ROWS_BY_SCRIPT)))
        for thread, sample in pl.DataFrame(read_table(folder / "samples.parquet", _SAMPLES)).iter_rows():
            self._samples[thread] = (self._samples.get(thread, "") + sample)[:SAMPLE_CHARACTERS]

    def _add_counts(self, new: pl.DataFrame) -> None:
        self._counts = pl.concat([self._counts, new]).group_by("thread_id", "script").agg(pl.col("rows").sum())

    def _extend_sample(self, thread: str, texts: list[str]) -> None:
        sample = self._samples.get(thread, "")
        for text in texts:
            if len(sample) >= SAMPLE_CHARACTERS:
                break
            sample = f"{sample} {text}"[:SAMPLE_CHARACTERS]
        self._samples[thread] = sample

    def decided(self) -> pl.DataFrame:
        """One row per thread: thread_id, latin (language of its Latin rows), usual (its most common language).

        `latin` is the detector's answer; where it is unsure, the most common other language of the
        thread: `yyds` under a Chinese video is no Tagalog.
        """
        by_script = self._counts.filter(~pl.col("script").is_in([NO_LETTERS, LATIN, UNKNOWN]))
        threads = self._counts.select("thread_id").unique().sort("thread_id")
        threads = threads.join(_most_common(by_script, "script", "other"), on="thread_id", how="left")
        threads = threads.join(self._detected(), on="thread_id", how="left")
        threads = threads.with_columns(latin=pl.coalesce("detected", "other", pl.lit(UNKNOWN)))
        lettered = self._counts.filter(pl.col("script") != NO_LETTERS).join(threads, on="thread_id")
        named = lettered.with_columns(lang=pl.when(pl.col("script") == LATIN).then("latin").otherwise("script"))
        rows = named.group_by("thread_id", "lang").agg(pl.col("rows").sum())
        threads = threads.join(_most_common(rows, "lang", "usual"), on="thread_id", how="left")
        return threads.select("thread_id", "latin", pl.col("usual").fill_null(UNKNOWN))

    def _detected(self) -> pl.DataFrame:
        """The detector's answer for each thread's sample; null where it is unsure."""
        found: dict[str, str | None] = {}
        if self._samples:
            detector = (self._detector or _start_loading()).result()
            self._detector = None  # its model is 70 MB
            for thread, sample in sorted(self._samples.items()):
                language, _ = detector.classify(sample)
                found[thread] = None if language in (UNKNOWN, "zxx") else language
        columns = {"thread_id": list(found), "detected": list(found.values())}
        return pl.DataFrame(columns, schema={"thread_id": pl.String, "detected": pl.String})


def languages(rows: pl.DataFrame, threads: pl.DataFrame) -> pl.Series:
    """Language of each row, from its columns thread_id, script and lang; a language that came with it stands."""
    lang = (
        pl.when(pl.col("lang").is_not_null())
        .then("lang")
        .when(pl.col("script") == LATIN)
        .then("latin")
        .when(pl.col("script") == NO_LETTERS)
        .then("usual")
        .otherwise("script")
    )
    joined = rows.select("thread_id", "script", "lang").join(threads, on="thread_id", how="left", maintain_order="left")
    return joined.select(lang=lang)["lang"]


def _count(letters: str) -> pl.Expr:
    """Number of characters in the class; taking out runs of the others is faster than counting matches."""
    return pl.col("text").str.replace_all(f"[^{letters}]+", "").str.len_chars()


def _most_common(rows: pl.DataFrame, column: str, name: str) -> pl.DataFrame:
    """The value of `column` with most rows in each thread; the first by name among equals."""
    ordered = rows.sort("thread_id", pl.col("rows"), column, descending=[False, True, False])
    return ordered.group_by("thread_id", maintain_order=True).agg(pl.col(column).first().alias(name))


def _start_loading() -> Future[Any]:
    """Load the detector beside what else is done: unpacking its model takes half a second."""
    executor = ThreadPoolExecutor(max_workers=1)
    loading = executor.submit(_load)
    executor.shutdown(wait=False)
    return loading


def _load() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True, min_confidence=MIN_CONFIDENCE)
