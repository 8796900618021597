import type { OllamaListedModel } from "../../api/ollama.ts";
import { isLoopback } from "../../client/connection.ts";
import { createRouterClient } from "../../client/router-client.ts";
import { formatBytes } from "../../core/format.ts";
import type { CliContext } from "../context.ts";
import type { Candidate, Wanted } from "./wanted.ts";

type NameKind = Extract<Wanted, { names: unknown }>["names"];

/** How long a server is waited for. */
export interface Patience {
  localMs: number;
  remoteMs: number;
}

/** Somebody waits with a finger on a key: a node here answers in 5 ms, one elsewhere is worth a little more. */
export const typingPatience: Patience = { localMs: 30, remoteMs: 300 };

/** Names of one kind; rejects where nobody can be asked. */
export const namesOf = async (
  kind: Exclude<NameKind, "files">,
  context: CliContext,
  patience: Patience,
): Promise<Candidate[]> => await sources[kind](context, (baseUrl) => timeLimit(baseUrl, patience));

type Source = (context: CliContext, signalFor: (baseUrl: string) => AbortSignal) => Promise<Candidate[]>;

const sources: Record<Exclude<NameKind, "files">, Source> = {
  models: async (context, signalFor) => {
    const { node, modelsDir, ollamaDirs } = context.config();
    try {
      return (await context.client().tags(signalFor(node.baseUrl))).models.flatMap(namesOfModel);
    } catch (error) {
      if (!isHere(node.baseUrl)) throw error; // what is on this disk says nothing of another machine
      const { openStore } = await import("../../store/open-store.ts");
      const stored = openStore(modelsDir, { ollamaDirs }).list();
      return stored.flatMap(({ name, aliases, sizeBytes }) => namesOfModel({ name, aliases, size: sizeBytes }));
    }
  },
  "loaded-models": async (context, signalFor) => {
    const { models } = await context.client().ps(signalFor(context.config().node.baseUrl));
    return models.map(({ name, size }) => ({ value: name, description: formatBytes(size) }));
  },
  nodes: async (context, signalFor) => {
    const connection = context.routerConnection();
    const { nodes } = await createRouterClient(connection).nodes(signalFor(connection.baseUrl));
    return nodes.map(({ id, url }) => ({ value: id, description: url }));
  },
};

const isHere = (baseUrl: string): boolean => isLoopback(new URL(baseUrl).hostname);

const timeLimit = (baseUrl: string, { localMs, remoteMs }: Patience): AbortSignal =>
  AbortSignal.timeout(isHere(baseUrl) ? localMs : remoteMs);

/** The short name first: who types by hand means it. */
const namesOfModel = ({
  name,
  aliases = [],
  size,
}: Pick<OllamaListedModel, "name" | "aliases" | "size">): Candidate[] =>
  [...aliases, name].map((value) => ({ value, description: formatBytes(size) }));
