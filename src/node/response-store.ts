import type { ResponsesObject } from "../api/openai-responses.ts";
import type { ChatMessage } from "../core/generation.ts";

/** A response that can be gone on with. */
export interface StoredResponse {
  response: ResponsesObject;
  /** The whole conversation up to and with its answer, without instructions: those hold for one response. */
  messages: ChatMessage[];
}

/** The newest responses, in memory: a conversation that is older, or from before a restart, has to be sent again. */
export interface ResponseStore {
  find(id: string): StoredResponse | undefined;
  put(stored: StoredResponse): void;
  /** False = there was none. */
  remove(id: string): boolean;
}

const responsesMax = 1000;
const bytesMax = 64 * 1024 * 1024; // of JSON text, and of pictures

export const createResponseStore = (): ResponseStore => {
  const entries = new Map<string, StoredResponse & { bytes: number }>(); // the least recently used first
  let bytes = 0;
  const remove = (id: string): boolean => {
    bytes -= entries.get(id)?.bytes ?? 0;
    return entries.delete(id);
  };
  return {
    find(id) {
      const found = entries.get(id);
      if (!found) return undefined;
      entries.delete(id);
      entries.set(id, found);
      return found;
    },
    put(stored) {
      const entry = { ...stored, bytes: sizeOf(stored) };
      remove(stored.response.id);
      entries.set(stored.response.id, entry);
      bytes += entry.bytes;
      for (const id of entries.keys()) {
        if (entries.size <= responsesMax && bytes <= bytesMax) break;
        remove(id);
      }
    },
    remove,
  };
};

/** A picture counts as its file: as JSON it would be a number a byte. */
const sizeOf = (stored: StoredResponse): number => {
  let mediaBytes = 0;
  const text = JSON.stringify(stored, (_, value: unknown) => {
    if (!(value instanceof Uint8Array)) return value;
    mediaBytes += value.length;
    return undefined;
  });
  return text.length + mediaBytes;
};
