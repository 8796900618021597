"""Token ids of texts by the source's own tokenizer: tokenizer.json in Hugging Face's library, or tokenizer.model in SentencePiece.

tokenize-texts.py FOLDER: reads texts from standard input, each ended by a zero byte, and prints the ids of each in a line.
"""

import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
texts = sys.stdin.buffer.read().decode("utf-8").split("\0")[:-1]
if (folder / "tokenizer.model").exists():
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    rows = [processor.encode(text) for text in texts]
else:
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    rows = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
for row in rows:
    print(" ".join(map(str, row)))
