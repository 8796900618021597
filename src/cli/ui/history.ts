import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

export const historyMaxLines = 100; // Ollama's

const lineEnd = "\u2028"; // stands for the line ends inside a message: the file has one message a line

/** Lines of earlier chats, oldest first; none when there is no readable file. */
export const loadHistory = async (file: string): Promise<string[]> => {
  const text = await readFile(file, "utf8").catch(() => ""); // the first chat has none
  return text
    .split("\n")
    .filter((line) => line !== "")
    .slice(-historyMaxLines)
    .map((line) => line.replaceAll(lineEnd, "\n"));
};

/**
 * Adds a line to the file, readable by its owner alone. An equal older line goes, so that each is found once.
 * The file is read anew each time: two chats at the same time keep each other's lines.
 */
export const addHistory = async (file: string, line: string): Promise<void> => {
  if (line.trim() === "") return;
  const older = (await loadHistory(file)).filter((each) => each !== line);
  const lines = [...older, line].slice(-historyMaxLines).map((each) => each.replaceAll("\n", lineEnd));
  const staging = `${file}.${randomUUID()}`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(staging, `${lines.join("\n")}\n`, { mode: 0o600 });
    await rename(staging, file);
  } catch (error) {
    await rm(staging, { force: true });
    throw error;
  }
};
