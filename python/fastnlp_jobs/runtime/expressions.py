"""The three small languages of a workflow: `when` (govaluate), `depends`, and `expression` or `{{=…}}` (expr-lang).

They share one grammar and differ in what a word is: a text in `when`, a step in `depends`, a variable in `expression`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["when", "depends", "expression"]


class ExpressionError(ValueError):
    """The text is no expression, or it cannot be evaluated."""


@dataclass(frozen=True)
class Constant:
    """A number, text, boolean or nil."""

    value: Any


@dataclass(frozen=True)
class Name:
    """A variable, or in `depends` a step."""

    text: str


@dataclass(frozen=True)
class Operation:
    """An operator, `a[b]`, `f(…)`, `[…]`, `{…}` or `a ? b : c` with its parts."""

    operator: str
    parts: tuple["Node", ...]


Node = Constant | Name | Operation

_TEXT = r"""(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)"""
_NUMBER = r"(?P<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_SYMBOL = r"(?P<symbol>\.\.|\*\*|&&|\|\||[=!<>]=|=~|!~|\?\?|\?\.|[-+*/%^<>!?:.,()\[\]{}|#])"
_WORDS = {
    "when": r"(?P<word>[A-Za-z_][\w.]*)",
    "depends": r"(?P<word>[A-Za-z0-9_-]+)",
    "expression": r"(?P<word>[A-Za-z_$]\w*)",
}
_TOKEN = {
    "when": re.compile(rf"\s*(?:{_TEXT}|{_NUMBER}|{_WORDS['when']}|{_SYMBOL})"),
    "depends": re.compile(rf"\s*(?:{_WORDS['depends']}|{_SYMBOL})"),
    "expression": re.compile(rf"\s*(?:{_TEXT}|(?P<range>\d+(?=\.\.))|{_NUMBER}|{_WORDS['expression']}|{_SYMBOL})"),
}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_CONSTANTS = {"true": True, "false": False, "nil": None}
_SPELLINGS = {"and": "&&", "or": "||", "not": "!", "^": "**", "IN": "in"}
_LEVELS = (
    (10, ("||",)),
    (15, ("&&",)),
    (20, ("==", "!=", "<", ">", "<=", ">=", "=~", "!~")),
    (20, ("in", "not in", "matches", "contains", "startsWith", "endsWith")),
    (25, ("..",)),
    (30, ("+", "-")),
    (60, ("*", "/", "%")),
    (100, ("**",)),
    (500, ("??",)),
)
_PRIORITY = {operator: level for level, operators in _LEVELS for operator in operators}
ITEM = "#"  # in a predicate, the item it is asked of
WITH_PREDICATE = frozenset(("filter", "map", "all", "any", "none", "count"))  # such as filter(list, # > 1)
_OF_PREFIX = {"!": 50, "-": 90, "+": 90}
_IN_DEPENDS = {"||", "&&", "!"}


def parse(text: str, kind: Kind) -> Node:
    """Read an expression.

    Raises:
        ExpressionError: names the place where it stops making sense.
    """
    parser = _Parser(text, kind)
    node = parser.expression(0)
    parser.expect_end()
    return node


def names(node: Node) -> Iterator[str]:
    """The variables or steps an expression speaks of, in order, with what is asked of them: `a.b.c`."""
    name = dotted(node)
    if name is not None:
        yield from () if name.startswith(ITEM) else (name,)
    elif isinstance(node, Operation):
        for part in node.parts[1:] if node.operator == "call" else node.parts:
            yield from names(part)


def called(node: Node) -> Iterator[str]:
    """The functions an expression calls."""
    if isinstance(node, Operation):
        if node.operator == "call":
            yield dotted(node.parts[0]) or "a method"
        for part in node.parts:
            yield from called(part)


def dotted(node: Node) -> str | None:
    """The name `a.b.c` that members of members stand for; None: it is something else."""
    if isinstance(node, Name):
        return node.text
    if isinstance(node, Operation) and node.operator == "member":
        owner, key = node.parts
        before = dotted(owner)
        if before is not None and isinstance(key, Constant) and isinstance(key.value, str):
            return f"{before}.{key.value}"
    return None


def task_met(node: Node, results: Mapping[str, Mapping[str, bool]], plain: Mapping[str, bool]) -> bool:
    """Whether a `depends` holds.

    Args:
        node: from `parse(text, "depends")`.
        results: by step, for each of Succeeded, Failed, Errored, …, whether that is how it ended.
        plain: by step, whether its bare name counts as met.
    """
    if isinstance(node, Operation) and node.operator == "!":
        return not task_met(node.parts[0], results, plain)
    if isinstance(node, Operation) and node.operator in ("&&", "||"):
        met = [task_met(part, results, plain) for part in node.parts]
        return all(met) if node.operator == "&&" else any(met)
    step, _, result = (dotted(node) or "").partition(".")
    return results[step][result] if result else plain[step]


class _Parser:
    """Precedence climbing over the tokens of one text."""

    def __init__(self, text: str, kind: Kind) -> None:
        self._text = text
        self._kind = kind
        self._tokens = list(self._tokenized())
        self._at = 0

    def _tokenized(self) -> Iterator[tuple[str, str, int]]:
        """Each token as (kind, text, place)."""
        place, end = 0, len(self._text.rstrip())
        while place < end:
            match = _TOKEN[self._kind].match(self._text, place)
            if match is None:
                raise ExpressionError(f"unexpected {self._text[place:].strip()[:1]!r} in {self._text!r}")
            place = match.end()
            yield str(match.lastgroup), str(match[str(match.lastgroup)]), place
        yield "end", "", end

    def expression(self, priority: int) -> Node:
        """Everything that binds at least as tightly as `priority`."""
        left = self._prefixed()
        while (operator := self._operator()) and _PRIORITY[operator] >= priority:
            for _word in operator.split():
                self._next()
            level = _PRIORITY[operator]
            left = Operation(operator, (left, self.expression(level if operator == "**" else level + 1)))
        if priority == 0 and self._kind != "depends" and self._taken("?"):
            chosen = self.expression(0)
            self._expect(":")
            left = Operation("?:", (left, chosen, self.expression(0)))
        return left

    def _operator(self) -> str | None:
        kind, text, _ = self._tokens[self._at]
        if kind not in ("symbol", "word"):
            return None
        text = _SPELLINGS.get(text, text)
        if text == "!" and self._tokens[self._at + 1][1] == "in":
            return "not in"
        if self._kind == "depends" and text not in _IN_DEPENDS:
            return None
        return text if text in _PRIORITY else None

    def _prefixed(self) -> Node:
        kind, text, _ = self._tokens[self._at]
        spelt = _SPELLINGS.get(text, text) if kind == "word" and self._kind == "expression" else text
        if kind in ("symbol", "word") and spelt in _OF_PREFIX and (self._kind != "depends" or spelt == "!"):
            self._next()
            return Operation(spelt, (self.expression(_OF_PREFIX[spelt]),))
        return self._with_members(self._atom())

    def _atom(self) -> Node:
        kind, text, _ = self._next()
        if kind == "text":
            return Constant(_unquoted(text))
        if kind in ("number", "range"):
            return Constant(_number(text, floats_only=self._kind == "when"))
        if kind == "word":
            return self._word(text)
        if text == ITEM:
            return Name(ITEM)
        if text == "." and self._kind == "expression":  # .name is #.name
            self._at -= 1
            return self._with_members(Name(ITEM))
        if text == "(":
            node = self.expression(0)
            if self._kind == "when" and self._taken(","):
                return Operation("list", (node, *self._until(")")))
            self._expect(")")
            return node
        if text == "[" and self._kind == "expression":
            return Operation("list", self._until("]"))
        if text == "{" and self._kind == "expression":
            return self._map()
        raise self._unexpected(text)

    def _word(self, text: str) -> Node:
        if self._kind == "depends":
            return Name(text)
        if text in _CONSTANTS and not (self._kind == "when" and text == "nil"):
            return Constant(_CONSTANTS[text])
        if self._kind == "when":
            return Constant(text)
        if not self._taken("("):
            return Name(text)
        if text in WITH_PREDICATE:
            return self._with_predicate(text)
        return Operation("call", (Name(text), *self._until(")")))

    def _with_predicate(self, name: str) -> Node:
        """`filter(list, # > 1)`, with or without braces around the predicate."""
        items = self.expression(0)
        self._expect(",")
        braces = self._taken("{")
        predicate = self.expression(0)
        if braces:
            self._expect("}")
        self._expect(")")
        return Operation(name, (items, predicate))

    def _with_members(self, node: Node) -> Node:
        while self._kind != "when":
            if self._taken(".") or self._taken("?."):
                kind, key, _ = self._next()
                if kind != "word":
                    raise self._unexpected(key)
                node = Operation("member", (node, Constant(key)))
                if self._kind == "expression" and self._taken("("):
                    node = Operation("call", (node, *self._until(")")))
            elif self._kind == "expression" and self._taken("["):
                node = Operation("member", (node, self.expression(0)))
                self._expect("]")
            else:
                break
        return node

    def _map(self) -> Node:
        parts: list[Node] = []
        while not self._taken("}"):
            if parts:
                self._expect(",")
            kind, key, _ = self._next()
            parts.append(Constant(_unquoted(key) if kind == "text" else key))
            self._expect(":")
            parts.append(self.expression(0))
        return Operation("{}", tuple(parts))

    def _until(self, closing: str) -> tuple[Node, ...]:
        parts: list[Node] = []
        while not self._taken(closing):
            if parts:
                self._expect(",")
            parts.append(self.expression(0))
        return tuple(parts)

    def _next(self) -> tuple[str, str, int]:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _taken(self, symbol: str) -> bool:
        kind, text, _ = self._tokens[self._at]
        if kind == "symbol" and text == symbol:
            self._at += 1
            return True
        return False

    def _expect(self, symbol: str) -> None:
        if not self._taken(symbol):
            raise self._unexpected(self._tokens[self._at][1], f", expected `{symbol}`")

    def expect_end(self) -> None:
        if self._tokens[self._at][0] != "end":
            raise self._unexpected(self._tokens[self._at][1])

    def _unexpected(self, text: str, more: str = "") -> ExpressionError:
        found = f"`{text}`" if text else "the end"
        return ExpressionError(f"unexpected {found} in {self._text!r}{more}")


def _unquoted(text: str) -> str:
    if text[0] == "`":
        return text[1:-1]
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1], flags=re.DOTALL)


def _number(text: str, *, floats_only: bool) -> float | int:
    plain = text.replace("_", "")
    return int(plain) if plain.isdigit() and not floats_only else float(plain)
