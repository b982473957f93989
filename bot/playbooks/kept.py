"""The last good copy of each playbook, so that a slip made at noon does not cost a hospital its words at four."""

from sqlmodel import Field, SQLModel, select

from bot.db import Tx
from bot.playbooks.shelf import Library, library


class GoodPlaybook(SQLModel, table=True):
    __tablename__ = "good_playbook"

    id: str = Field(primary_key=True)
    text: str


def current(tx: Tx) -> Library:
    """The playbooks in use: the hospital's own, else their last good copies, else those shipped."""
    if not tx.settings.playbooks_dir:
        return library()
    return library(tx.settings.playbooks_dir, {row.id: row.text for row in tx.exec(select(GoodPlaybook))})


def keep(tx: Tx) -> list[str]:
    """Keep what is good now as the copy to fall back on; returns the complaints about what is not."""
    found = current(tx)
    for playbook, text in found.sources.items() if tx.settings.playbooks_dir else ():
        tx.merge(GoodPlaybook(id=playbook, text=text))
    return found.complaints
