"""The words that people answer with, by language. What staff speak a text may bring, whoever it was written for."""

#: For a 1, as the whole text; a thumbs-up as well
FINE = {
    "en": ("ok", "okay", "k", "yes", "y", "yep", "yeah", "got it"),
    "es": ("si", "sí", "vale", "bien", "todo bien", "de acuerdo"),
    "fr": ("oui", "bien", "tout va bien", "d'accord"),
}
#: What may follow them and says nothing more
POLITE = ("thanks", "thank you", "thx", "tx", "ty", "gracias", "muchas gracias", "merci")
#: For a 9, as the whole text; those of two words and more also with a note behind them
AT_RISK = {
    "en": ("patient risk", "patient at risk", "nine"),
    "es": ("paciente en riesgo", "riesgo de paciente", "riesgo paciente", "riesgo", "nueve"),
    "fr": ("risque patient", "patient en danger", "risque", "neuf"),
}
#: Behind them it says that there is no risk, if nothing but `NO_MORE` follows: "no oxygen" is one
NO_RISK = (
    "none no not nope 0 zero nil n/a na negative over gone low "
    "ninguno ninguna cero bajo aucun aucune zéro non faible".split()
)
NO_MORE = (
    "reported known now here today yet left thanks at this time thank you longer all ahora hoy gracias merci".split()
)
#: Behind them it says that the risk is over, whatever follows
RISK_OVER = "resolved solved ended was".split()
#: Behind them, with no sign between, a paper is meant
RISK_PAPERS = "form forms assessment assessments score scores sheet sheets list lists".split()
#: In front of a task's code, or behind it
OF_TASKS = {
    "en": {
        "have": "1 have accept got ok okay k yes", "cannot": "2 cannot cant can't no", "done": "done finished",
        "blocked": "blocked block", "need": "need",
    },
    "es": {
        "have": "voy sí si vale", "done": "hecho hecha terminado terminada",
        "blocked": "bloqueado bloqueada", "need": "necesito ayuda",
    },
    "fr": {
        "have": "oui pris prise", "cannot": "impossible", "done": "fait faite terminé terminée termine terminee",
        "blocked": "bloqué bloquée bloque bloquee", "need": "besoin aide",
    },
}  # fmt: skip

ALL_FINE = [word for words in FINE.values() for word in words]
ALL_AT_RISK = [word for words in AT_RISK.values() for word in words]
TASK_VERBS = {word: verb for verbs in OF_TASKS.values() for verb, words in verbs.items() for word in words.split()}
#: What may stand behind a code without being mistaken for the proof that was asked for
NOT_BEHIND = ("2", "no", "ayuda", "aide")
BEHIND = [word for word, verb in TASK_VERBS.items() if verb != "have" and word not in NOT_BEHIND]
ALONE_DONE = frozenset(word for verbs in OF_TASKS.values() for word in verbs["done"].split()) - {"finished"}
