"""A folder with a specification, in which builds are ordered and their ledgers read."""

import json
import sqlite3

from proofsmith.agents.order import Order, fulfil


class Yard:
    """A folder with a specification, in which orders are given."""

    def __init__(self, folder, sandbox):
        self.folder, self.sandbox = folder, sandbox
        self.spec, self.out = folder / "SPEC.md", folder / "out"
        self.spec.write_text("# A calculator\nAdds and multiplies.\n")
        self.notes = []

    async def build(self, author, **changes):
        given = {
            "spec": self.spec,
            "out": self.out,
            "model": author.model(),
            "identity": "author",
            "sandbox": self.sandbox,
            "runs_dir": self.folder / "runs",
            "watch": lambda progress: self.notes.append(progress.note),
        }
        return await fulfil(Order(**given | changes))

    @property
    def run(self):
        (folder,) = (self.folder / "runs").iterdir()
        return folder

    def facts(self, kind):
        with sqlite3.connect(self.run / "ledger.sqlite") as db:
            rows = db.execute("SELECT key, payload FROM records WHERE kind = ?", (kind,))
            found = {key: json.loads(payload) for key, payload in rows}
        db.close()
        return found
