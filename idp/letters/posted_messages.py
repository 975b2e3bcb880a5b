"""Messages that go by letter, to citizens whom no e-mail reaches. Printed beside the letters with codes.

    queued ──file written, synced and named──▶ sent

Broken off in between, the same messages are printed again, into a file of the same name. What a message says is
`idp.messages`' matter.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from idp.clock import Clock
from idp.letters.letter import Addressee
from idp.letters.printing import LETTERS_IN_A_FILE, Printed, locked, write_whole
from idp.letters.words import LetterTexts, Sender
from idp.messages.message import Channel
from idp.messages.ports import Delivery, Outbox, Sealer
from idp.messages.sending import text_of
from idp.messages.texts import MessageTexts
from idp.records import Address
from idp.storage.ports import Transact


@dataclass(frozen=True, slots=True)
class PostedMessages:
    """Prints what waits."""

    transact: Transact
    outbox: Outbox
    texts: Callable[[], MessageTexts]
    sealer: Sealer
    sender: Sender
    clock: Clock

    def run(self, directory: Path) -> Iterator[Printed]:
        """Print all that waits into `directory`, file by file; each is told when it is safe.

        Raises:
            PrintingRefused
        """
        with locked(directory):
            letter_texts: LetterTexts | None = None
            while batch := self.outbox.due(self.clock(), Channel.LETTER, LETTERS_IN_A_FILE):
                reachable = [(each, each.address) for each in batch if each.address is not None]
                for each in batch:
                    if each.address is None:  # it was taken away meanwhile: the portal's inbox still has it
                        self.transact(lambda tx, each=each: self.outbox.give_up(tx, each, self.clock()))  # type: ignore[misc]
                if not reachable:
                    continue
                letter_texts = letter_texts or LetterTexts(self.sender)
                path = self._print(reachable, letter_texts, directory)
                self._note([each for each, _ in reachable])
                yield Printed(path, len(reachable))

    def _print(self, batch: list[tuple[Delivery, Address]], texts: LetterTexts, directory: Path) -> Path:
        from idp.letters.pdf import PrintFile  # fonts and drawing: 20 MiB that no process that serves loads

        file, words = PrintFile(), self.texts()
        for delivery, address in batch:
            said = text_of(words, self.sealer, delivery)
            letter = texts.plain(
                said.subject, said.paragraphs, language=said.language, now=delivery.message.at
            )
            file.add(Addressee(delivery.name, address, said.language), letter)
        path = directory / f"messages-{batch[0][0].delivery_id}.pdf"
        write_whole(path, file.finish())
        return path

    def _note(self, batch: list[Delivery]) -> None:
        now = self.clock()

        def work(tx: object) -> None:
            for delivery in batch:
                self.outbox.delivered(tx, delivery, now)

        self.transact(work)
