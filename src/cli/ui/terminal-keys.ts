import { createKeyDecoder, type Key } from "./key-decoder.ts";

const pasteOn = "\x1b[?2004h";
const pasteOff = "\x1b[?2004l";
// A terminal sends an escape sequence in one piece; who presses Escape sends nothing more for longer than this.
const escapeMs = 50;

/** Puts a terminal in raw mode and hands over the keys that are pressed on it; what it gives back undoes that. */
export const openTerminalKeys = (
  { input, output }: { input: NodeJS.ReadStream; output: NodeJS.WriteStream },
  { onKeys, onEnd }: { onKeys(keys: readonly Key[]): void; onEnd(): void },
): (() => void) => {
  const decoder = createKeyDecoder();
  const utf8 = new TextDecoder();
  let escapeTimer: ReturnType<typeof setTimeout> | undefined;
  const onData = (chunk: Buffer) => {
    clearTimeout(escapeTimer);
    onKeys(decoder.push(utf8.decode(chunk, { stream: true })));
    if (decoder.isWaiting) escapeTimer = setTimeout(() => onKeys(decoder.flush()), escapeMs);
  };
  input.setRawMode?.(true);
  output.write(pasteOn);
  input.on("data", onData).on("end", onEnd);
  input.resume();
  return () => {
    clearTimeout(escapeTimer);
    input.off("data", onData).off("end", onEnd);
    output.write(pasteOff);
    input.setRawMode?.(false);
    input.pause();
  };
};
