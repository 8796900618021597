import type { Command } from "./command.ts";

/** A command that is imported only when it runs or explains itself. */
export interface CommandEntry {
  description: string;
  /** Other words for it, such as Ollama's `ls`. */
  aliases?: readonly string[];
  load(): Promise<Command>;
}

export interface CommandGroup {
  description: string;
  examples: readonly string[];
  commands: Readonly<Record<string, CommandEntry | CommandGroup>>;
}

/** No prototype: `llmlb toString` is an unknown command. */
const table = <T>(entries: Record<string, T>): Record<string, T> => Object.assign(Object.create(null), entries);

const node: CommandGroup = {
  description: "Run an inference node and work with its models.",
  examples: ["llmlb node serve", "llmlb node run Qwen/Qwen2.5-0.5B-Instruct-GGUF"],
  commands: table<CommandEntry>({
    serve: {
      description: "Start the node in the foreground",
      aliases: ["start"],
      load: async () => (await import("./commands/serve.ts")).serve,
    },
    run: {
      description: "Chat with a model, or answer one prompt",
      load: async () => (await import("./commands/run.ts")).run,
    },
    pull: {
      description: "Download a model from Hugging Face",
      load: async () => (await import("./commands/pull.ts")).pull,
    },
    list: {
      description: "List the models on the node",
      aliases: ["ls"],
      load: async () => (await import("./commands/list.ts")).list,
    },
    show: {
      description: "Show what a model is",
      load: async () => (await import("./commands/show.ts")).show,
    },
    cp: {
      description: "Give a model one more short name",
      load: async () => (await import("./commands/cp.ts")).cp,
    },
    rm: {
      description: "Delete models and free their space",
      load: async () => (await import("./commands/rm.ts")).rm,
    },
    stop: {
      description: "Unload a running model and free its memory",
      load: async () => (await import("./commands/stop.ts")).stop,
    },
    ps: {
      description: "List the models that are loaded",
      load: async () => (await import("./commands/ps.ts")).ps,
    },
  }),
};

const routerToken: CommandGroup = {
  description: "Manage the tokens with which nodes join.",
  examples: ["llmlb router token create --expires 1h"],
  commands: table<CommandEntry>({
    create: {
      description: "Make a new join token",
      load: async () => (await import("./commands/router/token.ts")).createToken,
    },
    list: {
      description: "List the join tokens that are still good",
      aliases: ["ls"],
      load: async () => (await import("./commands/router/token.ts")).listTokens,
    },
    revoke: {
      description: "Make a join token worthless",
      load: async () => (await import("./commands/router/token.ts")).revokeToken,
    },
  }),
};

const routerKey: CommandGroup = {
  description: "Manage the API keys of the router.",
  examples: ["llmlb router key create me --scope admin", "llmlb router key list"],
  commands: table<CommandEntry>({
    create: {
      description: "Make a new API key",
      load: async () => (await import("./commands/router/key.ts")).createKey,
    },
    list: {
      description: "List the API keys",
      aliases: ["ls"],
      load: async () => (await import("./commands/router/key.ts")).listKeys,
    },
    revoke: {
      description: "Make an API key worthless",
      load: async () => (await import("./commands/router/key.ts")).revokeKey,
    },
  }),
};

const router: CommandGroup = {
  description: "Run a router that balances many nodes, and work with its cluster.",
  examples: ["llmlb router serve", "llmlb router add 192.168.1.10:11434", "llmlb router status"],
  commands: table<CommandEntry | CommandGroup>({
    serve: {
      description: "Start the router in the foreground",
      aliases: ["start"],
      load: async () => (await import("./commands/router/serve.ts")).serve,
    },
    nodes: {
      description: "List the nodes of the cluster",
      load: async () => (await import("./commands/router/nodes.ts")).nodes,
    },
    models: {
      description: "List the models of the cluster",
      load: async () => (await import("./commands/router/models.ts")).models,
    },
    status: {
      description: "Show how the cluster does",
      load: async () => (await import("./commands/router/status.ts")).status,
    },
    add: {
      description: "Add a node of any kind",
      load: async () => (await import("./commands/router/add.ts")).add,
    },
    remove: {
      description: "Remove a node",
      aliases: ["rm"],
      load: async () => (await import("./commands/router/remove.ts")).remove,
    },
    drain: {
      description: "Let a node finish what it has and take nothing new",
      load: async () => (await import("./commands/router/drain.ts")).drain,
    },
    token: routerToken,
    key: routerKey,
  }),
};

const gpu: CommandGroup = {
  description: "Add or remove the libraries that compute on a GPU.",
  examples: ["llmlb gpu install", "llmlb gpu remove"],
  commands: table<CommandEntry>({
    install: {
      description: "Download the GPU libraries of this version",
      load: async () => (await import("./commands/gpu/install.ts")).install,
    },
    remove: {
      description: "Delete GPU libraries",
      aliases: ["rm"],
      load: async () => (await import("./commands/gpu/remove.ts")).remove,
    },
  }),
};

export const rootGroup: CommandGroup = {
  description: "Run language models on this machine, with Ollama's commands and API.",
  examples: [
    "llmlb node serve",
    "llmlb node pull Qwen/Qwen2.5-0.5B-Instruct-GGUF",
    'llmlb node run Qwen/Qwen2.5-0.5B-Instruct-GGUF "Why is the sky blue?"',
  ],
  commands: table<CommandEntry | CommandGroup>({
    node,
    router,
    doctor: {
      description: "Look for what is wrong with this installation",
      load: async () => (await import("./commands/doctor.ts")).doctor,
    },
    completion: {
      description: "Print the script that completes llmlb in a shell",
      load: async () => (await import("./commands/completion.ts")).completion,
    },
    gpu,
    upgrade: {
      description: "Install a newer llmlb, or go back to the one before",
      load: async () => (await import("./commands/upgrade.ts")).upgrade,
    },
  }),
};
