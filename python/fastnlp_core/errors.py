"""Exceptions of `fastnlp_core`: each says where, what was expected, what came, what to do."""


class FastNlpError(Exception):
    """Base of every error this package raises on purpose."""


class InputError(FastNlpError, ValueError):
    """A value or a row cannot be used; the message names argument and row."""


class ColumnTypeError(FastNlpError, TypeError):
    """An argument has a type that the function cannot read."""


class MemoryLimitError(FastNlpError, MemoryError):
    """The result would not fit in the memory the caller allowed."""
