"""What a filled template becomes: one line, lines, or one segment of a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from bot.render.facts import Listed
from bot.texting import fit, fold

SEGMENT = 160  # GSM-7 characters of one text


def one_segment(
    fill: Callable[[Mapping[str, object]], str], facts: dict[str, object], gives: Mapping[str, int], limit: int
) -> str:
    def fits(changed: Mapping[str, object]) -> bool:
        text = _text(fill({**facts, **changed}))
        return fit(text, limit) == text

    for name, keep in gives.items():
        if fits({}):
            break
        if facts.get(name):
            facts[name] = _shorter(facts[name], keep, lambda value, name=name: fits({name: value}))  # type: ignore[misc]
    return fit(_text(fill(facts)), limit)


def _shorter(value: object, keep: int, fits: Callable[[object], bool]) -> object:
    """The longest shortening that fits, or else the shortest that leaves `keep`."""
    shorter = value
    for shorter in _shortenings(value, keep):
        if fits(shorter):
            break
    return shorter


def _shortenings(value: object, keep: int) -> Iterator[object]:
    if not keep:
        yield None
    elif isinstance(value, str):
        yield from _cuts(value, keep)
    elif isinstance(value, Listed) and value and isinstance(value[0], tuple):
        yield from _shorter_rows(value, keep)
    elif isinstance(value, Listed):
        fewer = (Listed((*value[:n], f"+{len(value) - n} more")) for n in range(len(value) - 1, 0, -1))
        yield from (each for each in fewer if len(str(each)) < len(str(value)))


def _cuts(text: str, keep: int) -> Iterator[str]:
    """Cut at words, longest first, to `keep` characters at the least; at a sentence's end where that leaves enough."""
    end = " DOWN" if text.endswith(" DOWN") else ""  # the one word that may not be lost
    words = fit(text.removesuffix(end), SEGMENT).split()
    for n in range(len(words) - 1, 0, -1):
        part = " ".join(words[:n])
        if len(part) < keep:
            return
        sentence = re.match(r"(.*)[.;](?= |$)", part)
        yield sentence[1] if sentence and len(sentence[1]) >= keep else re.sub("([,;:]| and)+$", "", part) + "..." + end


def _shorter_rows(rows: Listed, keep: int) -> Iterator[Listed]:
    """The longest text of the rows loses a word, again and again."""
    texts = [str(row[1]) for row in rows]  # type: ignore[index]
    while shorter := next(_cuts(longest := max(texts, key=len), keep), None):
        texts[texts.index(longest)] = shorter.removesuffix("...")
        yield Listed((row[0], text, row[2]) for row, text in zip(rows, texts, strict=True))  # type: ignore[index]


def _text(filled: str) -> str:
    return fold(one_line(filled)).rstrip(" .")


def one_line(filled: str) -> str:
    text = re.sub(r"\.{2,}", "...", " ".join(filled.split()))
    return re.sub(r"([?!])\.", r"\1", text)


def lines(filled: str) -> str:
    return "\n".join(line for line in map(one_line, filled.splitlines()) if line)
