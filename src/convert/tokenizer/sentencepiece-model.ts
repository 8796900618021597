import { AppError } from "../../core/errors.ts";

export interface Piece {
  text: string;
  score: number;
  /** One of `pieceKind`. */
  type: number;
}

/** As in sentencepiece_model.proto. */
export const pieceKind = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** Wire types of protocol buffers. */
const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** A field of a message: its number, and its bytes or number. */
interface Field {
  number: number;
  bytes: Uint8Array;
  value: number;
}

/**
 * The vocabulary in a `tokenizer.model`: `ModelProto.pieces` (field 1) with piece (1), score (2) and type (3). Three fields of one
 * message are read here by hand, where a library for protocol buffers would bring a parser of its own. Throws `corrupt`.
 */
export const readSentencePieces = (model: Uint8Array): Piece[] => {
  const pieces: Piece[] = [];
  for (const { number, bytes } of fieldsOf(model)) if (number === 1) pieces.push(readPiece(bytes));
  if (pieces.length === 0) throw broken();
  return pieces;
};

const readPiece = (message: Uint8Array): Piece => {
  const piece = { text: "", score: 0, type: 1 };
  for (const { number, bytes, value } of fieldsOf(message)) {
    if (number === 1) piece.text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    if (number === 2 && bytes.length === 4)
      piece.score = new DataView(bytes.buffer, bytes.byteOffset).getFloat32(0, true);
    if (number === 3) piece.type = value;
  }
  return piece;
};

function* fieldsOf(message: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = message[at++];
      if (byte === undefined) throw broken();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw broken();
  };
  const take = (length: number): Uint8Array => {
    if (length > message.length - at) throw broken();
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const none = new Uint8Array(0);
    switch (tag % 8) {
      case wire.varint:
        yield { number, bytes: none, value: varint() };
        break;
      case wire.fixed64:
        yield { number, bytes: take(8), value: 0 };
        break;
      case wire.bytes:
        yield { number, bytes: take(varint()), value: 0 };
        break;
      case wire.fixed32:
        yield { number, bytes: take(4), value: 0 };
        break;
      default:
        throw broken();
    }
  }
}

const broken = () => new AppError("corrupt", "tokenizer.model is no usable SentencePiece model");
