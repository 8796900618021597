import { statSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { AppError } from "../core/errors.ts";
import { formatBytes } from "../core/format.ts";
import { findMediaFormat, mediaFileMaxBytes, mediaFormats } from "../core/media-file.ts";
import { findMediaMentions, type MentionOptions, withoutMentions } from "./media-mentions.ts";
import type { Output } from "./output.ts";
import { printable } from "./ui/printable.ts";

/** A prompt as it is sent: what it says, and the files that it names, in base64. */
export interface TakenPrompt {
  text: string;
  images: string[];
}

/** The files that a prompt brings along. */
export interface Attachments {
  /** Takes them out of the prompt and tells of each. Throws `invalid_argument` for one that is not there or is of no use. */
  take(prompt: string): Promise<TakenPrompt>;
  /** Does a line that looks like a command begin with a file? */
  opens(line: string): boolean;
}

const world: MentionOptions = {
  home: homedir(),
  isFile(path) {
    try {
      return statSync(path).isFile();
    } catch {
      return false; // also for a folder that may not be entered
    }
  },
};

export const openAttachments = (stderr: Output): Attachments => ({
  async take(prompt) {
    const mentions = findMediaMentions(prompt, world);
    const images: string[] = [];
    for (const { path, exists } of mentions) {
      if (!exists) throw refuse(path, "there is no such file");
      const { type, base64 } = await readMediaFile(path);
      images.push(base64);
      await stderr.write(`Added ${type} '${printable(path)}'\n`);
    }
    return { text: withoutMentions(prompt, mentions), images };
  },
  opens: (line) => findMediaMentions(line.trim(), world)[0]?.start === 0,
});

const refuse = (path: string, reason: string) => new AppError("invalid_argument", `cannot add '${path}': ${reason}`);

const readMediaFile = async (path: string) => {
  const file = await readBounded(path).catch((error: NodeJS.ErrnoException) => {
    throw error instanceof AppError
      ? error
      : refuse(path, error.code === "EACCES" ? "it may not be read" : error.message);
  });
  const format = findMediaFormat(file);
  if (!format) throw refuse(path, `it is no picture (${mediaFormats.image}) and no sound (${mediaFormats.audio})`);
  return { type: format.type, base64: file.toString("base64") };
};

const readBounded = async (path: string): Promise<Buffer> => {
  const { size } = await stat(path);
  if (size > mediaFileMaxBytes)
    throw refuse(path, `it has ${formatBytes(size)}, and at most ${formatBytes(mediaFileMaxBytes)} are taken`);
  return await readFile(path);
};
