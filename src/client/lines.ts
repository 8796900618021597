import { AppError } from "../core/errors.ts";

export const lineMaxChars = 16 * 1024 * 1024; // a line is one event; images and contexts are far below, a runaway server is not

/**
 * Splits a byte stream into lines without their LF or CRLF; a last line without an end counts too.
 * Characters and line ends may be split anywhere between chunks. Throws `corrupt` on a line longer than `maxChars`.
 * Leaving the loop early cancels the stream.
 */
export async function* readLines(
  body: ReadableStream<Uint8Array>,
  maxChars: number = lineMaxChars,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  // Pieces of the unfinished line: joined once at its end, so that a long line costs linear time.
  let pieces: string[] = [];
  let pieceChars = 0;
  const keep = (piece: string): void => {
    pieceChars += piece.length;
    if (pieceChars > maxChars)
      throw new AppError("corrupt", `the server sent a line longer than ${maxChars} characters`);
    if (piece !== "") pieces.push(piece);
  };
  const takeLine = (): string => {
    const line = pieces.join("");
    pieces = [];
    pieceChars = 0;
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  };
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const parts = (done ? decoder.decode() : decoder.decode(value, { stream: true })).split("\n");
      for (const [index, part] of parts.entries()) {
        keep(part);
        if (index < parts.length - 1) yield takeLine();
      }
      if (done) break;
    }
    if (pieceChars > 0) yield takeLine();
  } finally {
    // Reached by an early return too: tells the server that nobody listens any more.
    await reader.cancel().catch(() => undefined);
  }
}
