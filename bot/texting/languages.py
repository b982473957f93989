"""A language, whatever the region: `es-mx` is spoken with a voice of its own, and written in the words of `es`."""


def base(language: str) -> str:
    return language.lower().split("-")[0]
