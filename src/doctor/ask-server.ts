import type { NodeReport } from "../api/node.ts";
import { callJson, callText } from "../client/call.ts";
import { isLoopback, tcpProbe } from "../client/connection.ts";
import { AppError, toAppError } from "../core/errors.ts";
import { isRecord } from "../core/json.ts";

/** Who is at an address. */
export type Occupant =
  | { kind: "nobody"; reason: string }
  | { kind: "llmlb"; role: "node" | "router"; version: string; models: number }
  /** Of llmlb, but it does not take our key. */
  | { kind: "locked"; role: "node" | "router" }
  | { kind: "ollama" }
  | { kind: "other"; says: string };

const timeoutMs = 2_000;

const signsOfLife: readonly [text: RegExp, kind: "node" | "router" | "ollama"][] = [
  [/^llmlb is running/, "node"],
  [/^llmlb router is running/, "router"],
  [/^Ollama is running/, "ollama"],
];

/** Finds out by asking. The key is sent only to who says that it is llmlb. Never rejects. */
export const askServer = async (baseUrl: string, apiKey: string | undefined): Promise<Occupant> => {
  const signal = AbortSignal.timeout(timeoutMs);
  let text: string;
  try {
    text = await callText({ baseUrl }, { method: "GET", path: "/", signal });
  } catch (thrown) {
    return await explain(baseUrl, thrown, signal);
  }
  const role = signsOfLife.find(([pattern]) => pattern.test(text))?.[1];
  if (role === undefined) return { kind: "other", says: firstLine(text) };
  if (role === "ollama") return { kind: "ollama" };
  try {
    const report = (await callJson({ baseUrl, apiKey }, { method: "GET", path: "/api/node", signal })) as NodeReport;
    if (!isRecord(report) || typeof report.version !== "string") return { kind: "other", says: firstLine(text) };
    return {
      kind: "llmlb",
      role,
      version: report.version,
      models: Array.isArray(report.models) ? report.models.length : 0,
    };
  } catch (thrown) {
    const { code, message } = toAppError(thrown);
    return code === "unauthorized" || code === "forbidden"
      ? { kind: "locked", role }
      : { kind: "other", says: message };
  }
};

/** An answer that is an error comes from somebody; where there was no answer, a port may still be taken by what speaks no HTTP. */
const explain = async (baseUrl: string, thrown: unknown, signal: AbortSignal): Promise<Occupant> => {
  const error = thrown instanceof AppError ? thrown : toAppError(thrown);
  const isSilent = signal.aborted || error.code === "connection" || error.code === "cancelled";
  if (!isSilent) return { kind: "other", says: error.message };
  const accepts = await tcpProbe(new URL(baseUrl), timeoutMs).then(
    () => true,
    () => false,
  );
  if (accepts) return { kind: "other", says: signal.aborted ? "nothing within 2 s" : "nothing that is HTTP" };
  return { kind: "nobody", reason: signal.aborted ? "no answer within 2 s" : "nobody answers" };
};

/** Why this machine cannot listen there; undefined where it can. Only asked of addresses of its own. */
export const whyNotListen = (hostname: string, port: number): string | undefined => {
  try {
    Bun.listen({ hostname, port, socket: { data: () => undefined } }).stop(true);
    return undefined;
  } catch (thrown) {
    return toAppError(thrown).message;
  }
};

export const isOwnAddress = (hostname: string): boolean =>
  isLoopback(hostname) || hostname === "::1" || hostname === "0.0.0.0" || hostname === "::";

const firstLine = (text: string): string => {
  const [line = ""] = text.trim().split("\n");
  return line === "" ? "nothing" : `"${line.slice(0, 60)}"`;
};
