import { expect, test } from "bun:test";
import { parseAddress } from "../../src/config/address.ts";
import { loadConfig } from "../../src/config/config.ts";
import { parseDuration } from "../../src/core/duration.ts";
import { formatModelRef, type ModelRef, parseModelRef, withQuant } from "../../src/core/model-ref.ts";
import { serverWaitMs } from "../../src/hub/backoff.ts";
import { isPublicAddress } from "../../src/node/public-address.ts";
import { refusal } from "../../src/router/cluster/address-guard.ts";
import { nodeUrl } from "../../src/router/cluster/node-url.ts";
import { allowed, fc, fuzzTimeoutMs, holds, nastyText } from "./fuzz.ts";

/** Text put together from what such text is made of. */
const madeOf = (...pieces: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...pieces) }, { weight: 1, arbitrary: nastyText }), {
      maxLength: 9,
    })
    .map((parts) => parts.join(""));

const modelText = madeOf(
  ...[
    "org",
    "name",
    "/",
    ":",
    "@",
    "Q4_K_M",
    "latest",
    "main",
    "m.gguf",
    "a/b.gguf",
    "ollama:",
    "hf.co/",
    "hf://",
    ".",
  ],
  ...[
    "https://huggingface.co/",
    "/blob/",
    "/tree/",
    "/resolve/",
    "%2F",
    "%0a",
    "%ff",
    "%5c",
    "%40",
    "?x=1",
    "#y",
    "--",
    ".git",
  ],
);

/** What becomes of a name: paths on disk, parts of URLs, lines on terminals. */
const checkName = (ref: ModelRef): void => {
  const shown = formatModelRef(ref);
  expect(shown).not.toMatch(/[\p{Cc}\s\\]/u);
  encodeURIComponent(shown);
  expect(shown.split(/[/:@]/)).not.toContain("..");
  expect(parseModelRef(shown)).toEqual(ref);
};

test(
  "a model's name is refused, or shown so that it means the same",
  () =>
    holds(
      fc.tuple(modelText, nastyText),
      async ([text, quant]) => {
        const ref = await allowed(() => parseModelRef(text, "http://mirror.example/base"));
        if (!ref) return;
        checkName(ref);
        const other = await allowed(() => withQuant(ref, quant));
        if (other) checkName(other);
      },
      { runs: 400 },
    ),
  fuzzTimeoutMs,
);

const addressText = madeOf(
  ...[
    "http://",
    "https://",
    "HTTP://",
    "localhost",
    "127.0.0.1",
    "0.0.0.0",
    "[::1]",
    "::",
    "fe80::1%eth0",
    "[",
    "]",
    ":",
  ],
  ...["80", "65535", "65536", "99999", "/", "/path", "@", "user:pass", "?", "#", '"', "'", " ", ".", "-", "xn--a", "ä"],
);

test(
  "an address is refused, or leads where it says",
  () =>
    holds(
      addressText,
      async (text) => {
        const address = await allowed(() => parseAddress(text, 32_769, "LLMLB_HOST"));
        if (address) {
          const url = new URL(address.baseUrl);
          expect(["http:", "https:"]).toContain(url.protocol);
          expect(url.username + url.password).toBe("");
          expect(address.port).toBeLessThanOrEqual(65_535);
          expect(parseAddress(address.baseUrl, 1, "x").baseUrl).toBe(address.baseUrl);
        }
        const node = await allowed(() => nodeUrl(text));
        if (node !== undefined) expect(nodeUrl(node)).toBe(node);
      },
      { runs: 400 },
    ),
  fuzzTimeoutMs,
);

test(
  "any environment is a configuration or an error that names the variable",
  () => {
    const names = [
      ...["LLMLB_HOST", "LLMLB_ROUTER_HOST", "LLMLB_ROUTER_URL", "LLMLB_ADVERTISE", "LLMLB_KEEP_ALIVE", "LLMLB_DEBUG"],
      ...["LLMLB_PROMPT_CACHE_BYTES", "LLMLB_LOAD_TIMEOUT", "LLMLB_STALL_TIMEOUT", "LLMLB_MAX_QUEUE", "LLMLB_GPU"],
      ...["LLMLB_NUM_PARALLEL", "LLMLB_CONTEXT_LENGTH", "LLMLB_KV_CACHE_TYPE", "LLMLB_FLASH_ATTENTION", "HF_ENDPOINT"],
      ...["OLLAMA_MODELS", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "LLMLB_ORIGINS", "LLMLB_API_KEY", "HF_TOKEN"],
    ];
    const value = fc.oneof(addressText, madeOf("1", "0", "-", "5m", "1h", "GiB", "MB", ".", "1e9", "9999999999999999"));
    return holds(fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 6 }), (env) =>
      allowed(() => loadConfig({ HOME: "/nowhere", ...env })),
    );
  },
  fuzzTimeoutMs,
);

const unitsMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

test(
  "a duration is refused or a finite number of milliseconds, and means what Go means by it",
  () =>
    holds(
      fc.tuple(
        madeOf("1", "9".repeat(320), ".", "5", "h", "m", "s", "ms", "µs", "ns", "-", "+", "e5", " "),
        fc.array(fc.tuple(fc.nat(99), fc.constantFrom("h", "m", "s", "ms")), { minLength: 1, maxLength: 4 }),
      ),
      async ([text, parts]) => {
        const ms = await allowed(() => parseDuration(text));
        if (ms !== undefined) expect(Number.isFinite(ms)).toBe(true);
        const sum = parts.reduce((all, [count, unit]) => all + count * unitsMs[unit], 0);
        expect(parseDuration(parts.map(([count, unit]) => `${count}${unit}`).join(""))).toBeCloseTo(sum);
      },
    ),
  fuzzTimeoutMs,
);

test(
  "a server's wait is bounded, whatever its headers say",
  () =>
    holds(madeOf("t=", "1", "99999999999999999999", ";", ",", "-", "Wed, 21 Oct 2099 07:28:00 GMT", "x"), (text) => {
      const value = text.replace(/[^\x20-\x7e]/g, "");
      for (const name of ["retry-after", "ratelimit"]) {
        const waitMs = serverWaitMs(new Headers({ [name]: value }), 0);
        if (waitMs !== undefined) expect(waitMs >= 0 && waitMs <= 600_000).toBe(true);
      }
    }),
  fuzzTimeoutMs,
);

test(
  "every spelling of an address that leads to a cloud's metadata is refused",
  () => {
    const hidden = fc.constantFrom(
      "169.254.169.254",
      "::ffff:169.254.169.254",
      "64:ff9b::a9fe:a9fe",
      "fe80::1",
      "0.0.0.0",
    );
    return holds(fc.tuple(hidden, fc.ipV6(), fc.ipV4(), nastyText), ([bad, six, four, text]) => {
      expect(refusal(bad)).toBeString();
      expect(refusal(`[${bad}]`.replace(/^\[([\d.]+)\]$/, "$1"))).toBeString();
      expect(isPublicAddress(bad)).toBe(false);
      for (const address of [six, four, text]) {
        refusal(address);
        isPublicAddress(address);
      }
      if (isPublicAddress(`::ffff:${four}`)) expect(isPublicAddress(four)).toBe(true);
    });
  },
  fuzzTimeoutMs,
);
