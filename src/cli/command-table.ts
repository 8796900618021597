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

export const rootGroup: CommandGroup = {
  description: "Run language models on this machine, with Ollama's commands and API.",
  examples: [
    "llmlb node serve",
    "llmlb node pull Qwen/Qwen2.5-0.5B-Instruct-GGUF",
    'llmlb node run Qwen/Qwen2.5-0.5B-Instruct-GGUF "Why is the sky blue?"',
  ],
  commands: table<CommandGroup>({ node }),
};
