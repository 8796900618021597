/** A variable of the environment, as `doctor` and docs/reference/environment.md know it. */
export interface Variable {
  name: string;
  /** In Markdown. */
  meaning: string;
  /** In Markdown; absent = there is none. */
  default?: string;
  group: VariableGroup;
  /** Its value is never shown. */
  secret?: true;
}

/** Who reads it. */
export type VariableGroup = "every command" | "node serve" | "router serve" | "pulls" | "install.sh";

const grouped = (group: VariableGroup, rows: readonly Omit<Variable, "group">[]): Variable[] =>
  rows.map((row) => ({ ...row, group }));

/** Every variable that llmlb reads; test/config/variables.test.ts compares it with what the code reads. */
export const variables: readonly Variable[] = [
  ...grouped("every command", [
    {
      name: "LLMLB_HOST",
      meaning:
        "where `node serve` listens and where the other commands connect: `host`, `host:port`, `:port`, `[ipv6]:port`, `http(s)://host:port/path`",
      default: "`127.0.0.1:32769`",
    },
    {
      name: "LLMLB_API_KEY",
      meaning:
        "what every request to a node has to send (`Authorization: Bearer` or `x-api-key`), and a key of a router that may do everything; client commands send it",
      secret: true,
    },
    {
      name: "LLMLB_ROUTER_HOST",
      meaning:
        "where `router serve` listens and where `router` commands connect; these take `LLMLB_HOST` where it is not set",
      default: "`127.0.0.1:32768`",
    },
    { name: "LLMLB_DEBUG", meaning: "`1` debug log, `2` trace", default: "off" },
    { name: "NO_COLOR", meaning: "no colours, whatever its value", default: "off" },
    { name: "SSL_CERT_FILE", meaning: "file with CA certificates to trust as well, for networks that have their own" },
    { name: "NODE_EXTRA_CA_CERTS", meaning: "the same" },
  ]),
  ...grouped("node serve", [
    { name: "LLMLB_MODELS", meaning: "folder of the models", default: "`~/.llmlb/models`" },
    {
      name: "OLLAMA_MODELS",
      meaning: "folder of Ollama's models, which is only read",
      default: "`~/.ollama/models` and `/usr/share/ollama/.ollama/models`",
    },
    {
      name: "LLMLB_CACHE",
      meaning: "folder for the libraries that the executable unpacks",
      default: "`$XDG_CACHE_HOME/llmlb`, else `~/.cache/llmlb`",
    },
    { name: "XDG_CACHE_HOME", meaning: "folder of the caches of all programs", default: "`~/.cache`" },
    {
      name: "LLMLB_KEEP_ALIVE",
      meaning: "how long an idle model stays loaded: `5m`, `1h30m`, seconds, negative = for ever",
      default: "`5m`",
    },
    { name: "LLMLB_CONTEXT_LENGTH", meaning: "context length of requests that name none", default: "`4096`" },
    {
      name: "LLMLB_NUM_PARALLEL",
      meaning: "requests that one model answers at the same time, each with a whole context of its own",
      default: "by memory: 4, 2 or 1",
    },
    {
      name: "LLMLB_NUM_THREADS",
      meaning: "compute threads of a model",
      default: "the physical cores, fewer while others want the processor",
    },
    { name: "LLMLB_GPU", meaning: "`auto`, `cuda`, `vulkan`, `metal` or `cpu`", default: "`auto`" },
    {
      name: "LLMLB_KV_CACHE_TYPE",
      meaning: "element type of the KV cache: `f16`, `q8_0`, `q4_0`, `bf16`, `f32`, ...",
      default: "`f16`",
    },
    { name: "LLMLB_FLASH_ATTENTION", meaning: "`auto`, `1` or `0`", default: "`auto`" },
    {
      name: "LLMLB_PROMPT_CACHE_BYTES",
      meaning:
        "host memory, for each loaded model, that keeps prompts which lost their slot: `2GiB`, `512MB`, `0` = none",
      default: "an eighth of the memory, at most 8 GiB",
    },
    { name: "LLMLB_LOAD_TIMEOUT", meaning: "a load without progress for this long is given up", default: "`5m`" },
    {
      name: "LLMLB_STALL_TIMEOUT",
      meaning: "a model's process that takes no step for this long is ended",
      default: "`2m`",
    },
    { name: "LLMLB_MAX_LOADED_MODELS", meaning: "models loaded at the same time", default: "`3`" },
    { name: "LLMLB_MAX_QUEUE", meaning: "requests that wait for one model before 503", default: "`512`" },
    {
      name: "LLMLB_ORIGINS",
      meaning: "origins of web pages on other hosts that may ask, separated by commas; `*` = any",
    },
    {
      name: "LLMLB_ALLOW_IMAGE_URLS",
      meaning:
        "`1`: a request may name a picture by its `http(s)` address; addresses of this machine and of private networks are never asked",
      default: "off",
    },
    { name: "LLMLB_ROUTER_URL", meaning: "the router that the node joins (`--router`)" },
    { name: "LLMLB_JOIN_TOKEN", meaning: "the token that it needs once (`--join-token`)", secret: true },
    {
      name: "LLMLB_ADVERTISE",
      meaning: "where the router reaches the node (`--advertise`)",
      default: "where the node listens, or its address on the way to the router",
    },
  ]),
  ...grouped("router serve", [
    {
      name: "LLMLB_ROUTER_CONFIG",
      meaning: "the router's aliases and fallbacks of models",
      default: "`~/.llmlb/router.toml`",
    },
    {
      name: "LLMLB_ROUTER_DB",
      meaning: "the router's database; the keys of its nodes are in a folder beside it",
      default: "`~/.llmlb/router.db`",
    },
  ]),
  ...grouped("pulls", [
    {
      name: "HF_TOKEN",
      meaning: "token for gated and private models, as huggingface_hub reads it",
      default: "what the file of `HF_TOKEN_PATH` holds",
      secret: true,
    },
    { name: "HF_TOKEN_PATH", meaning: "file with that token", default: "`$HF_HOME/token`" },
    { name: "HF_HOME", meaning: "folder of huggingface_hub", default: "`~/.cache/huggingface`" },
    {
      name: "HF_HUB_CACHE",
      meaning:
        "cache of huggingface_hub and transformers: files that are there are verified and linked instead of downloaded; nothing is ever written to it",
      default: "`$HF_HOME/hub`",
    },
    { name: "HUGGINGFACE_HUB_CACHE", meaning: "an older name of `HF_HUB_CACHE`" },
    { name: "HF_ENDPOINT", meaning: "another Hub", default: "`https://huggingface.co`" },
    { name: "HF_HUB_OFFLINE", meaning: "`1`: no network at all", default: "off" },
    {
      name: "HF_HUB_DISABLE_XET",
      meaning:
        "`1`: never read through Xet, which is used only for a file whose plain address is refused again and again",
      default: "off",
    },
    { name: "HTTP_PROXY", meaning: "proxy for `http` addresses, in capital or small letters", secret: true },
    { name: "HTTPS_PROXY", meaning: "proxy for `https` addresses", secret: true },
    { name: "ALL_PROXY", meaning: "proxy for both", secret: true },
    {
      name: "NO_PROXY",
      meaning: "hosts that are reached without a proxy; a node on this machine always is",
    },
  ]),
  ...grouped("install.sh", [
    { name: "LLMLB_VERSION", meaning: "a certain version", default: "the newest" },
    { name: "LLMLB_INSTALL_DIR", meaning: "where to: `bin` and `lib` below it", default: "`~/.local`" },
    {
      name: "LLMLB_DOWNLOAD_URL",
      meaning: "a mirror of the releases, for `upgrade` and `gpu install` too",
      default: "`https://github.com/llmlb/llmlb/releases`",
    },
    {
      name: "LLMLB_BACKEND",
      meaning: "`auto`, `cpu`, `vulkan` or `cuda`: which GPU libraries to add",
      default: "`auto`",
    },
    { name: "LLMLB_NO_MODIFY_PATH", meaning: "`1`: leaves the shell's files alone", default: "off" },
  ]),
];
