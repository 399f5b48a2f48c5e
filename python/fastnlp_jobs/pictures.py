"""The look of every PNG that a job draws: font with Chinese, colours, axes. Same numbers, same bytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import pylopdf_fonts_zh_cn
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FONT = pylopdf_fonts_zh_cn.sans_path()
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#5F6773"  # Okabe and Ito: told apart by colour-blind readers
MAX_LABEL = 24


@contextmanager
def axes(path: Path, height: float = 4.2) -> Iterator["Axes"]:
    """Axes in the house look; saved without date or software version, so that bytes repeat."""
    font_manager.fontManager.addfont(FONT)
    look: Any = {
        "font.family": font_manager.FontProperties(fname=str(FONT)).get_name(),
        "font.size": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": GREY,
        "axes.titlesize": 13,
        "axes.titlelocation": "left",
        "axes.unicode_minus": False,
        "text.parse_math": False,  # a `$` in somebody's comment is a dollar
    }
    with mpl.rc_context(look):
        figure = Figure(figsize=(9.0, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure.add_subplot()
        figure.savefig(path, dpi=100, metadata={"Software": None})


def short(word: str) -> str:
    """A word as an axis has room for."""
    return word if len(word) <= MAX_LABEL else word[: MAX_LABEL - 1] + "…"
