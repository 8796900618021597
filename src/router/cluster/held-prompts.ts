import { prefixForm } from "../../core/prompt-prefix.ts";
import type { HeldPrompts } from "../types.ts";
import { countOf, type Fields, recordsOf } from "./read-answer.ts";

/** What the runners of a node hold, by their process ids. */
export type HeldByProcess = ReadonlyMap<number, HeldPrompts>;

const markBytes = 8;
const marksMax = 4_096; // twice what a node tells; more is not llmlb's
const textMaxChars = Math.ceil((marksMax * markBytes) / 3) * 4;

/** Reads a node's `prompts` (see `NodePrompts`); what was made in another way says nothing to this router. */
export const heldPrompts = (told: unknown): HeldByProcess => {
  const held = new Map<number, HeldPrompts>();
  for (const { pid, generation, form, marks, whole } of recordsOf(told)) {
    const process = countOf(pid);
    const read = form === prefixForm ? readMarks(marks) : undefined;
    if (process === undefined || !read) continue;
    held.set(process, { generation: countOf(generation) ?? 0, marks: read, whole: whole === true });
  }
  return held;
};

/** What is held now: what was told before, of the processes that there still are, and what is told anew. */
export const updateHeld = (before: HeldByProcess, report: Fields, told: unknown): HeldByProcess => {
  const running = new Set(recordsOf(report.models).map(({ pid }) => pid));
  return new Map([...before, ...heldPrompts(told)].filter(([process]) => running.has(process)));
};

const readMarks = (text: unknown): readonly bigint[] | undefined => {
  if (typeof text !== "string" || text.length > textMaxChars) return undefined;
  try {
    const bytes = Uint8Array.fromBase64(text);
    return bytes.length % markBytes === 0 ? [...new BigUint64Array(bytes.buffer)] : undefined;
  } catch {
    return undefined; // no base64
  }
};
