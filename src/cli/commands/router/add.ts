import type { AddNodeRequest, NodeKind } from "../../../api/router.ts";
import { createRouterClient } from "../../../client/router-client.ts";
import { AppError } from "../../../core/errors.ts";
import { command } from "../../command.ts";

const kinds: readonly NodeKind[] = ["llmlb", "ollama", "vllm", "llama-server", "lm-studio", "openai"];

export const add = command({
  args: {
    url: { type: "positional", description: "Where the router reaches it: host:port or a URL" },
    name: { type: "string", valueHint: "NAME", description: "A name for people" },
    type: {
      type: "string",
      valueHint: "TYPE",
      completes: kinds,
      description: `${kinds.join(", ")}; found out by asking unless given`,
    },
    "key-file": {
      type: "string",
      valueHint: "FILE",
      completes: "files",
      description: "File with the key that the node wants",
    },
  },
  examples: [
    "llmlb router add 192.168.1.10:11434",
    "llmlb router add https://vllm.example:8000 --name big --key-file ~/vllm.key",
    "llmlb router add 192.168.1.11:8080 --type llama-server",
  ],
  async run({ url, name, type, "key-file": keyFile }, { routerConnection, stdout }) {
    const request: AddNodeRequest = {
      url,
      ...(name === undefined ? {} : { name }),
      ...(type === undefined ? {} : { kind: toKind(type) }),
      ...(keyFile === undefined ? {} : { api_key: await readKey(keyFile) }),
    };
    const node = await createRouterClient(routerConnection()).add(request);
    const count = node.models.length;
    const found = node.status === "online" ? `${count} model${count === 1 ? "" : "s"}` : (node.reason ?? node.status);
    await stdout.write(`added ${node.id} (${node.kind}): ${found}\n`);
  },
});

const toKind = (text: string): NodeKind => {
  const kind = kinds.find((one) => one === text);
  if (kind) return kind;
  throw new AppError("invalid_argument", `invalid --type "${text}": expected ${kinds.join(", ")}`);
};

const readKey = async (file: string): Promise<string> => {
  const text = await Bun.file(file)
    .text()
    .catch((cause) => {
      throw new AppError("invalid_argument", `cannot read --key-file "${file}": ${cause.message}`, { cause });
    });
  if (text.trim()) return text.trim();
  throw new AppError("invalid_argument", `--key-file "${file}" is empty`);
};
