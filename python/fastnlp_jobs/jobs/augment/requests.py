"""What a model is asked: a batch of samples of one class, other examples, keyword, style and length each time."""

import hashlib
import heapq
import json
import math
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from fastnlp_jobs.config import validate
from fastnlp_jobs.jobs.augment.corpus import Corpus
from fastnlp_jobs.jobs.augment.reading import KEY
from fastnlp_jobs.llm.calls import Call, Sampling, Shape
from fastnlp_jobs.llm.placeholders import fill
from fastnlp_jobs.llm.prompts import fence, packaged

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.augment import Config

_LENGTHS = (0.25, 0.5, 0.75)  # of the way from the shortest to the longest, in turn
_LONGEST_NAME = 100  # characters
_TOKENS_A_SAMPLE = 8  # quotes, comma and line end
_TOKENS_AROUND = 32


class Rules(BaseModel):
    """What a template says of each property of a sample."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    length: str
    separator: str
    opening: str
    keyword: str
    style: str
    different: str


class Template(BaseModel):
    """A prompt that asks for samples of a class."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: str
    system: str
    user: str
    rules: Rules


class Requests:
    """Makes the calls for a class, numbered from 0: equal numbers give equal calls."""

    def __init__(self, corpus: Corpus, config: "Config") -> None:
        """Read the template of the language, and what the classes are called."""
        self._corpus = corpus
        self._config = config
        self._template = validate(Template, packaged(f"augment-{config.prompt.language}"))
        self._names = corpus.names(config.prompt)
        self._shape = _shape(config.prompt.batch, config.gates.max_characters)
        text = json.dumps(self._template.model_dump(), sort_keys=True)
        self._version = f"{self._template.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def call(self, label: str, number: int) -> Call:
        """The call with this number for a class."""
        prompt, template = self._config.prompt, self._template
        examples = self._examples(label, number)
        name = fence(self._names.get(label, label), _LONGEST_NAME)[1:-1]
        system = fill(
            template.system,
            role=prompt.role or template.role,
            name=name,
            count=str(prompt.batch),
            rules="\n".join(f"- {rule}" for rule in self._rules(label, number)),
        )
        user = fill(template.user, name=name, examples=f"[{', '.join(self._fenced(text) for text in examples)}]")
        return Call(
            messages=[{"role": "system", "content": system.strip()}, {"role": "user", "content": user.strip()}],
            prompt_version=self._version,
            sampling=Sampling(prompt.temperature, prompt.top_p, self.max_tokens),
            shape=self._shape,
            sample=number,
            texts=tuple(examples),
        )

    @property
    def max_tokens(self) -> int:
        """So many that a batch of the longest samples fits."""
        prompt = self._config.prompt
        longest = self._config.gates.max_characters * prompt.tokens_per_character + _TOKENS_A_SAMPLE
        return math.ceil(prompt.batch * longest) + _TOKENS_AROUND

    def _examples(self, label: str, number: int) -> list[str]:
        """Rows of the class in train, by a draw of their own for each call.

        Each row draws a number by itself: where one is erased, only the calls that showed it become others.
        """
        draw = f"{self._config.seed}/{label}/{number}/"
        seeds = set(self._corpus.seeds[label])
        return heapq.nsmallest(
            self._config.prompt.examples, seeds, key=lambda text: hashlib.sha256(f"{draw}{text}".encode()).digest()
        )

    def _fenced(self, text: str) -> str:
        return fence(text, self._config.gates.max_characters)

    def _rules(self, label: str, number: int) -> list[str]:
        """Keyword, style and length change with each call, and all combinations of them come in turn."""
        gates, prompt, rules = self._config.gates, self._config.prompt, self._template.rules
        keywords = prompt.keywords.get(label) or [""]
        styles = prompt.styles or [""]
        length, rest = _in_turn(number, len(_LENGTHS), len(keywords) * len(styles))
        keyword, style = _in_turn(rest, len(keywords), len(styles))
        about = round(gates.min_characters + _LENGTHS[length] * (gates.max_characters - gates.min_characters))
        limits = {"min": str(gates.min_characters), "max": str(gates.max_characters), "about": str(about)}
        said = [fill(rules.length, **limits)]
        if gates.separator:
            said.append(fill(rules.separator, separator=gates.separator, turns=str(gates.min_turns)))
        if gates.opening:
            said.append(fill(rules.opening, opening=gates.opening))
        if keywords[keyword]:
            said.append(fill(rules.keyword, keyword=keywords[keyword]))
        if styles[style]:
            said.append(fill(rules.style, style=styles[style]))
        return [*said, rules.different]


def _in_turn(number: int, first: int, second: int) -> tuple[int, int]:
    """Two places, both of which change with each number: all pairs, each once in `first` × `second` numbers."""
    return number % first, (number + number // math.lcm(first, second)) % second


def _shape(batch: int, max_characters: int) -> Shape:
    text = {"type": "string", "minLength": 1, "maxLength": max_characters}
    samples = {"type": "array", "items": text, "minItems": batch, "maxItems": batch}
    schema = {"type": "object", "properties": {KEY: samples}, "required": [KEY], "additionalProperties": False}
    return Shape(KEY, schema, _grammar(batch, max_characters))


def _grammar(batch: int, max_characters: int) -> str:
    """GBNF without whitespace: with more freedom small models write spaces until the limit."""
    text = rf'"\"" [^"\\ \x00-\x1F\x7F] [^"\\\x00-\x1F\x7F]{{0,{max_characters - 1}}} "\""'
    return f'root ::= "{{\\"{KEY}\\":[" text ("," text){{{batch - 1}}} "]}}"\ntext ::= {text}\n'
