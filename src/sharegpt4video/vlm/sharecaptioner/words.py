"""Words as tokens and back, by the released SentencePiece model alone, and the form of a conversation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import MissingExtra, VLMError
from ...foreign import well_formed
from ...tensors import is_lfs_pointer
from ..hf.chat import Asked, broken_marks
from ..render import Prompt

TURN, END_OF_TURN = "[UNUSED_TOKEN_146]", "[UNUSED_TOKEN_145]"
"""What stands before and after a turn; InternLM2 writes ``<|im_start|>`` and ``<|im_end|>`` for the same tokens."""
_MARK = re.compile(r"\[UNUSED_TOKEN_\d+\]")


class Words:
    """The tokenizer, with what `vlm.hf` asks of one.

    The piece of text given is tokenized as one, without anything put before it: the original's tokenizer splits at
    special tokens, but this SentencePiece model adds nothing at the beginning of a text, so both come to the same.
    Raises VLMError if the file is none, or is not InternLM2's.
    """

    def __init__(self, file: Path) -> None:
        try:
            import sentencepiece
        except ImportError as error:
            raise MissingExtra("the tokenizer of ShareCaptioner-Video", "hf") from error
        from transformers import AddedToken

        if not file.is_file():
            raise VLMError(f"{file.parent}: there is no {file.name}; copy it from the release, beside the weights")
        # It warns, on standard error, of a piece of the released file that has no letters.
        sentencepiece.set_min_log_level(2)
        try:
            self._pieces = sentencepiece.SentencePieceProcessor(model_file=str(file))
        except (OSError, RuntimeError) as error:
            if is_lfs_pointer(file):
                raise VLMError(
                    f"{file}: is a pointer of Git LFS, not the tokenizer; get it with: git lfs pull"
                ) from error
            raise VLMError(f"{file}: cannot be read as a SentencePiece model; copy it again ({error})") from error
        self.begin, self.end = self._pieces.bos_id(), self._pieces.eos_id()
        self.end_of_turn = self._pieces.piece_to_id(END_OF_TURN)
        if min(self.begin, self.end) < 0 or self._pieces.id_to_piece(self.end_of_turn) != END_OF_TURN:
            raise VLMError(f"{file}: has no {END_OF_TURN} or no end of text, so it is not the tokenizer of InternLM2")
        pieces = {number: self._pieces.id_to_piece(number) for number in range(len(self))}
        ends = (self.begin, self.end, self._pieces.unk_id())
        special = {number: piece for number, piece in pieces.items() if number in ends or _MARK.fullmatch(piece)}
        self.added_tokens_decoder = {number: AddedToken(piece, special=True) for number, piece in special.items()}
        self.pad_token_id = self.end
        self.marks = sorted(special.values(), key=len, reverse=True)

    def __len__(self) -> int:
        size: int = self._pieces.get_piece_size()
        return size

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, marks of turns among them, without the one that begins every text."""
        found: list[int] = self._pieces.encode(text)
        return found

    def decode(self, tokens: Sequence[int], *, skip_special_tokens: bool = True, **_: Any) -> str:
        """The text of some tokens; turns and ends are left out unless ``skip_special_tokens`` is false."""
        kept = [int(token) for token in tokens if int(token) < len(self)]  # rows of padding stand for no piece
        if skip_special_tokens:
            kept = [token for token in kept if token not in self.added_tokens_decoder]
        text: str = self._pieces.decode(kept)
        return text


def conversation(asked: Asked, marks: Sequence[str]) -> str:
    """A question in the form of the model; the ``marks`` in texts of users and models are read as text.

    Without a system text there is no system turn, as in the original's demo.
    """
    prompt: Prompt = broken_marks(asked, marks).prompt
    turns = [("system", prompt.system)] if prompt.system else []
    for question, answer in prompt.earlier:
        turns += [("user", question), ("assistant", answer)]
    turns.append(("user", prompt.text))
    told = "".join(f"{TURN}{who}\n{text}{END_OF_TURN}\n" for who, text in turns)
    return well_formed(f"{told}{TURN}assistant\n{prompt.prefill}")
