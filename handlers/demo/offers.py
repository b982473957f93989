"""What a text or a call offers to answer, as a person reads it: the buttons under a simulated phone."""

import re

CHOICE = re.compile(r"(?<![\w.])([1-9])=(.+?)(?=\s+[1-9]=|[.,;]|$)")  # 1=OK 2=need staff
CODED = re.compile(r"\b([12](?: T\d+(?:\.\d+)?)+)=([^.,;]+)")  # Text 1 T7=I have it, 2 T7=cannot, 1 T7 T8=I have them
SPELLED = re.compile(r"\b((?:DONE|NEED) T\d+|TOLD \w+)\b")  # Text DONE T7 or NEED T7
KEY = re.compile(r"(?:\bpress|,(?: or)?) ([0-9]) (?:if|to|for|when) ([^.,]+)", re.IGNORECASE)


def replies(text: str) -> list[tuple[str, str]]:
    """What may be texted back, with what it means: ("1", "OK"), ("1 T7", "I have it"), ("DONE T7", "")."""
    coded, spelled = CODED.findall(text), [(words, "") for words in SPELLED.findall(text)]
    together = [code for words, _ in coded if words.count("T") > 1 for code in words.split()[1:]]
    refusals = [(f"2 {code}", "cannot") for code in together]  # several are taken at once, but refused one by one
    return list(dict.fromkeys([*CHOICE.findall(text), *coded, *refusals, *spelled]))


def keys(heard: str) -> list[tuple[str, str]]:
    """What may be pressed after hearing this, with what it means: ("1", "your unit is OK")."""
    return list(dict.fromkeys(KEY.findall(heard)))
