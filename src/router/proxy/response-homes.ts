/** Which node keeps which response of OpenAI's responses API: only that one can go on from it. */
export interface ResponseHomes {
  find(responseId: string): string | undefined;
  /** Notes the id at the beginning of an answer. */
  note(nodeId: string, beginning: Uint8Array): void;
}

const idsMax = 20_000; // a node keeps its newest 1,000
const beginningBytes = 2_048; // the id comes first, before what the request brought along

export const createResponseHomes = (): ResponseHomes => {
  const nodes = new Map<string, string>(); // the oldest first
  return {
    find: (responseId) => nodes.get(responseId),
    note(nodeId, beginning) {
      const text = Buffer.from(beginning.subarray(0, beginningBytes)).toString("latin1");
      const [, id] = /"id"\s*:\s*"(resp_[\w-]{1,100})"/.exec(text) ?? [];
      if (id === undefined) return;
      nodes.set(id, nodeId);
      if (nodes.size <= idsMax) return;
      for (const oldest of nodes.keys()) {
        nodes.delete(oldest);
        break;
      }
    },
  };
};
