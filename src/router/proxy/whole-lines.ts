/** Lets whole lines through, so that a stream which breaks can be ended by a line of our own. */
export interface WholeLines {
  /** What may be sent of what came; undefined = nothing yet. */
  push(piece: Uint8Array): Uint8Array | undefined;
  /** The line that has not ended; at the proper end of a stream it is sent too. */
  rest(): Uint8Array | undefined;
  /** Was the last line that went through empty, or none yet? */
  readonly atBlank: boolean;
}

const lineFeed = 10;
const carriageReturn = 13;
const heldMaxBytes = 1024 * 1024; // a line longer than that is no token; it is not held any longer

export const createWholeLines = (): WholeLines => {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let atBlank = true;
  const hold = (bytes: Uint8Array): undefined => {
    if (bytes.length === 0) return;
    held.push(bytes);
    heldBytes += bytes.length;
  };
  const release = (bytes: Uint8Array): Uint8Array => {
    const all = held.length > 0 ? Buffer.concat([...held, bytes]) : bytes;
    held = [];
    heldBytes = 0;
    return all;
  };
  return {
    get atBlank() {
      return atBlank;
    },
    push(piece) {
      const end = piece.lastIndexOf(lineFeed) + 1;
      if (end === 0 && heldBytes + piece.length <= heldMaxBytes) return hold(piece);
      const whole = release(end === 0 ? piece : piece.subarray(0, end));
      if (end > 0) hold(piece.subarray(end));
      atBlank = endsBlank(whole, atBlank);
      return whole;
    },
    rest: () => (heldBytes > 0 ? release(new Uint8Array()) : undefined),
  };
};

/** A blank line is one that ends where the line before it does. `before`: was the last line before these blank? */
const endsBlank = (lines: Uint8Array, before: boolean): boolean => {
  let index = lines.length - 2;
  if (lines.at(-1) !== lineFeed) return false;
  if (lines[index] === carriageReturn) index--;
  return index < 0 ? before || lines.length <= 2 : lines[index] === lineFeed;
};
