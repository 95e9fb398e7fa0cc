"""One sheet of Letter paper as a PDF: real text in black and white, the same bytes for the same words."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import LETTER
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Frame, KeepInFrame, Paragraph

from shared.schemas.roof_evidence import Polygon

MARGIN: Final = 36.0
GAP: Final = 18.0
WIDTH: Final[float] = LETTER[0]
HEIGHT: Final[float] = LETTER[1]
COLUMN: Final = (WIDTH - 2 * MARGIN - GAP) / 2
PICTURE_HEIGHT: Final = 230.0
FOOT: Final = 40.0

HEADING: Final = ParagraphStyle("heading", fontName="Helvetica-Bold", fontSize=12, leading=15, spaceBefore=8)
BODY: Final = ParagraphStyle(
    "body", fontName="Helvetica", fontSize=10, leading=13, leftIndent=8, bulletIndent=0
)
FINE: Final = ParagraphStyle("fine", parent=BODY, fontSize=8, leading=9.5)
TITLE: Final = ParagraphStyle("title", fontName="Helvetica-Bold", fontSize=16, leading=19)
UNDER_TITLE: Final = ParagraphStyle("under", fontName="Helvetica", fontSize=9, leading=12)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a mark that stands out in black and white, a bold beginning, and the words."""

    words: str
    lead: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it."""

    heading: str
    lines: Sequence[Line]
    fine: bool = False


@dataclass(frozen=True, slots=True)
class Print:
    """A picture with its overlay; outlines and boxes (left, top, right, bottom) are shares of its sides."""

    body: bytes
    caption: str
    roof: Sequence[Polygon] = ()
    damaged: Sequence[Polygon] = ()
    boxes: Sequence[tuple[float, float, float, float]] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """What one page says."""

    title: str
    under_title: str
    badge: str
    left: Sequence[Section]
    right: Sequence[Section]
    foot: str
    subject: str = ""
    picture: Print | None = None


def one_page(sheet: Sheet) -> bytes:
    """The sheet as a PDF of one page; columns that hold too much are set smaller, never cut."""
    out = BytesIO()
    # Invariant: no clock and no random id in the file. Uncompressed: the words are found by any search.
    canvas = Canvas(out, pagesize=LETTER, invariant=1, pageCompression=0, lang="en-US")
    canvas.setTitle(printable(sheet.title))
    canvas.setSubject(printable(sheet.subject))
    canvas.setAuthor("Ridgeline")
    canvas.setCreator("Ridgeline")
    canvas.setViewerPreference("DisplayDocTitle", "true")
    top = _head(canvas, sheet)
    right_top = top if sheet.picture is None else _picture(canvas, sheet.picture, top)
    bottom = _foot(canvas, sheet.foot)
    _column(canvas, sheet.left, MARGIN, top, bottom)
    _column(canvas, sheet.right, MARGIN + COLUMN + GAP, right_top, bottom)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def printable(text: str) -> str:
    """The text in the letters of the standard fonts (Windows-1252); others without their accents, or as `?`."""
    return "".join(map(_letter, text))


def _letter(character: str) -> str:
    if _known(character):
        return character
    plain = "".join(each for each in unicodedata.normalize("NFKD", character) if _known(each))
    return plain or "?"


def _known(character: str) -> bool:
    try:
        character.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return character.isprintable()


def _head(canvas: Any, sheet: Sheet) -> float:
    """Badge, title and the line below; where the columns begin."""
    top, left = HEIGHT - MARGIN, MARGIN
    if sheet.badge:
        canvas.setLineWidth(2)
        canvas.circle(left + 17, top - 17, 16)
        canvas.setFont("Helvetica-Bold", 18)
        canvas.drawCentredString(left + 17, top - 23, printable(sheet.badge))
        left += 44
    canvas.bookmarkPage("top")
    canvas.addOutlineEntry(printable(sheet.title), "top", 0)
    for style, words in ((TITLE, sheet.title), (UNDER_TITLE, sheet.under_title)):
        top = _drawn(canvas, Paragraph(_markup(words), style), left, top, WIDTH - MARGIN - left)
    top = min(top, HEIGHT - MARGIN - 36) - 6
    canvas.setLineWidth(0.75)
    canvas.line(MARGIN, top, WIDTH - MARGIN, top)
    return top - 4


def _foot(canvas: Any, words: str) -> float:
    """The last lines of the page; where the columns end."""
    paragraph = Paragraph(_markup(words), FINE)
    _, height = paragraph.wrap(WIDTH - 2 * MARGIN, FOOT)
    paragraph.drawOn(canvas, MARGIN, MARGIN - 10)
    return float(MARGIN - 10 + height + 6)


def _drawn(canvas: Any, paragraph: Any, left: float, top: float, width: float) -> float:
    _, height = paragraph.wrap(width, HEIGHT)
    paragraph.drawOn(canvas, left, top - height)
    return float(top - height)


def _column(canvas: Any, sections: Sequence[Section], left: float, top: float, bottom: float) -> None:
    flow = [each for section in sections for each in _section(section)]
    fitted = KeepInFrame(COLUMN, top - bottom, flow, mode="shrink")
    padding = {"leftPadding": 0, "rightPadding": 0, "topPadding": 0, "bottomPadding": 0}
    Frame(left, bottom, COLUMN, top - bottom, **padding).addFromList([fitted], canvas)


def _section(section: Section) -> Iterable[Any]:
    yield Paragraph(_markup(section.heading), HEADING)
    for line in section.lines:
        yield Paragraph(_line(line), FINE if section.fine else BODY)


def _line(line: Line) -> str:
    mark = (
        f'<font backColor="black" color="white"><b>&nbsp;{_markup(line.mark)}&nbsp;</b></font> '
        if line.mark
        else ""
    )
    lead = f"<b>{_markup(line.lead)}</b> " if line.lead else ""
    return f"{mark}{lead}{_markup(line.words)}"


def _markup(words: str) -> str:
    return escape(printable(words))


def _picture(canvas: Any, picture: Print, top: float) -> float:
    """The picture at the head of the right column with its overlay and caption; where the words go on."""
    image = ImageReader(BytesIO(picture.body))
    pixels_wide, pixels_high = image.getSize()
    scale = min(COLUMN / pixels_wide, PICTURE_HEIGHT / pixels_high)
    width, height = pixels_wide * scale, pixels_high * scale
    left, bottom = MARGIN + COLUMN + GAP, top - 4 - height
    canvas.drawImage(image, left, bottom, width, height)

    def place(x: float, y: float) -> tuple[float, float]:
        return left + x * width, bottom + (1 - y) * height

    for outlines, dash in ((picture.roof, ()), (picture.damaged, (3, 2))):
        for outline in outlines:
            _outline(canvas, [place(x, y) for x, y in outline], dash)
    for number, (west, north, east, south) in enumerate(picture.boxes, 1):
        corners = [place(west, north), place(east, north), place(east, south), place(west, south)]
        _outline(canvas, corners, ())
        _number(canvas, str(number), corners[0])
    below = _drawn(canvas, Paragraph(_markup(picture.caption), FINE), left, bottom - 2, COLUMN)
    return below - 2


def _outline(canvas: Any, corners: Sequence[tuple[float, float]], dash: Sequence[float]) -> None:
    """A black line on a white one: seen on dark roofs and on light ones, on any printer."""
    path = canvas.beginPath()
    path.moveTo(*corners[0])
    for corner in corners[1:]:
        path.lineTo(*corner)
    path.close()
    canvas.saveState()
    for shade, line_width, pattern in ((1, 2.4, ()), (0, 1.0, dash)):
        canvas.setStrokeGray(shade)
        canvas.setLineWidth(line_width)
        canvas.setDash(*pattern) if pattern else canvas.setDash()
        canvas.drawPath(path)
    canvas.restoreState()


def _number(canvas: Any, words: str, corner: tuple[float, float]) -> None:
    x, y = corner
    canvas.saveState()
    canvas.setFillGray(1)
    canvas.rect(x, y - 10, 9, 10, stroke=1, fill=1)
    canvas.setFillGray(0)
    canvas.setFont("Helvetica-Bold", 8)
    canvas.drawCentredString(x + 4.5, y - 8, words)
    canvas.restoreState()
