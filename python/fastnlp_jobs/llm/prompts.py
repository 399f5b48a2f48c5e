"""Prompts: versioned templates, and texts of strangers fenced inside them so that they stay data.

The fence is a JSON string: no text can close it, since its quotes, line ends and control characters are escaped, and so
are the marks that servers read as the end of a turn (`<|im_end|>`, `[INST]`).
"""

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from fastnlp_jobs.config import YamlFile, read_yaml, validate
from fastnlp_jobs.llm.placeholders import fill, placeholders
from fastnlp_jobs.llm.schema import Choice, Choices, LabelField, Language, Number
from fastnlp_jobs.schemas import MASKS

Message = dict[str, str]

# What begins a control mark of a model, unless it is a mask of ours or the border between turns.
_CONTROL_MARK = re.compile(rf"<(?!{MASKS[1:]})|\[(?!SEP\])(?=/?[A-Za-z_]+\])")
_INVISIBLE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
_JOINER = "\u200d"  # holds emoji together
_MOST_REPEATED = 1_000  # characters of a bad answer that a repair turn shows


def fence(text: str, max_characters: int) -> str:
    """`text` as a JSON string of one line, cut to so many characters."""
    quoted = json.dumps(text[:max_characters], ensure_ascii=False)
    marked = _CONTROL_MARK.sub(lambda mark: _escaped(mark[0]), quoted)
    return "".join(_escaped(character) if _is_invisible(character) else character for character in marked)


def packaged(name: str) -> YamlFile:
    """A template that comes with the package, such as `label-zh`."""
    text = resources.files("fastnlp_jobs.llm").joinpath("templates", f"{name}.yaml").read_text(encoding="utf-8")
    return YamlFile(f"{name}.yaml", text)


class Kinds(BaseModel):
    """How a template says what a field may hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    open_choice: str
    choice: str
    number: str
    choices: str

    def describe(self, field: LabelField) -> str:
        """What `field` may hold, in words."""
        if isinstance(field, Number):
            return fill(self.number, min=str(field.min), max=str(field.max))
        if isinstance(field, Choices):
            return fill(self.choices, options=_listed(field.options))
        if isinstance(field, Choice) and field.options is not None:
            return fill(self.choice, options=_listed(field.options))
        said = self.open_choice if isinstance(field, Choice) else self.text
        return fill(said, max_characters=str(field.max_characters))


class LabelTemplate(BaseModel):
    """A prompt that asks for the fields of a label schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9-]{1,40}$", description="what LABELS call the prompt, before its hash")
    system: str = Field(description="the instructions; {fields} stands for the list of fields")
    user: str = Field(description="the turn with the text; {text} stands for the fenced text")
    repair: str = Field(description="the turn after an answer that cannot be used; {reason}, {fields}")
    kinds: Kinds
    meanings: dict[str, str] = Field({}, description="what well-known fields say, where the schema has no description")

    @field_validator("system", "user", "repair")
    @classmethod
    def _names_its_parts(cls, template: str, info: ValidationInfo) -> str:
        expected = {"system": ["fields"], "user": ["text"], "repair": ["fields", "reason"]}[info.field_name or ""]
        if sorted(placeholders(template)) != expected:
            raise ValueError(f"expected {' and '.join(f'{{{name}}}' for name in expected)} once, and no other names")
        return template


def read_template(language: Language, path: Path | None = None) -> LabelTemplate:
    """The template of a language, or a user's own.

    Raises:
        BadInput: no such file, or no such template; names the line.
    """
    return validate(LabelTemplate, read_yaml(str(path)) if path else packaged(f"label-{language}"))


@dataclass(frozen=True)
class Prompt:
    """A template filled with a label schema."""

    version: str  # name and hash of all that is said beside the text
    system: str
    user: str
    repair: str
    max_characters: int

    @property
    def instructions(self) -> str:
        """What no answer may repeat."""
        return self.system + "\n" + self.user

    def messages(self, text: str) -> list[Message]:
        """The request about one text."""
        asked = fill(self.user, text=fence(text, self.max_characters))
        return [{"role": "system", "content": self.system}, {"role": "user", "content": asked}]

    def repair_messages(self, text: str, answer: str, reason: str) -> list[Message]:
        """The request again, with the answer that could not be used and why."""
        said = _CONTROL_MARK.sub(r"\g<0> ", answer[:_MOST_REPEATED]) or "-"  # servers refuse an empty turn
        again = fill(self.repair, reason=reason)
        return [*self.messages(text), {"role": "assistant", "content": said}, {"role": "user", "content": again}]


def make_prompt(template: LabelTemplate, fields: dict[str, LabelField], max_characters: int) -> Prompt:
    """Fill `template` with the fields; `max_characters` of a text are shown."""
    lines = [_line(template, name, field) for name, field in fields.items()]
    listed = "\n".join(lines)
    system, repair = (fill(part, fields=listed).strip() for part in (template.system, template.repair))
    parts = json.dumps([system, template.user, repair, max_characters])
    version = f"{template.name}-{hashlib.sha256(parts.encode()).hexdigest()[:12]}"
    return Prompt(version, system, template.user.strip(), repair, max_characters)


def _line(template: LabelTemplate, name: str, field: LabelField) -> str:
    meaning = field.description or template.meanings.get(name, "")
    said = template.kinds.describe(field)
    return f'"{name}": {meaning} ({said})' if meaning else f'"{name}": {said}'


def _listed(options: list[str]) -> str:
    return ", ".join(json.dumps(option, ensure_ascii=False) for option in options)


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE and character != _JOINER


def _escaped(text: str) -> str:
    """As JSON writes it in ASCII."""
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
