import { expect, test } from "bun:test";
import { checkedAddresses, refusal } from "../../src/router/cluster/address-guard.ts";
import { indexModels, modelKey } from "../../src/router/cluster/index-models.ts";
import { nodeUrl } from "../../src/router/cluster/node-url.ts";

test.each([
  ["box", "http://box:32769"],
  ["Box:11434", "http://box:11434"],
  ["http://box", "http://box:80"],
  ["https://box/llm/", "https://box:443/llm"],
  ["http://box:8000/v1", "http://box:8000"],
  ["http://box:8000/api/v1/", "http://box:8000/api"],
  ["[::1]:90", "http://[::1]:90"],
  ["http://0x7f.1:90", "http://127.0.0.1:90"],
])("a node's URL %p is %p", (text, url) => expect(nodeUrl(text)).toBe(url));

test.each(["http://user:secret@box", "http://box?x=1", "box#a", "ftp://box", "a b", ""])(
  "%p is no node's URL",
  (text) => {
    if (text === "")
      expect(nodeUrl(text)).toBe("http://127.0.0.1:32769"); // as everywhere: this machine
    else expect(() => nodeUrl(text)).toThrow("invalid node URL");
  },
);

test.each([
  "169.254.169.254",
  "169.254.0.1",
  "fe80::1",
  "febf::1%eth0",
  "[fe80::1]",
  "fd00:ec2::254",
  "FD00:0EC2:0:0:0:0:0:254",
  "::ffff:169.254.169.254",
  "::ffff:a9fe:a9fe",
  "64:ff9b::a9fe:a9fe",
  "100.100.100.200",
  "168.63.129.16",
  "0.0.0.0",
  "::",
  "0::0:0:0:0.0.0.0", // node's isIP takes it for an address, a URL does not
  "224.0.0.1",
  "255.255.255.255",
  "ff02::1",
])("%s is no node's address", (address) => expect(refusal(address)).toBeString());

test.each([
  "127.0.0.1",
  "::1",
  "192.168.1.10",
  "10.0.0.1",
  "172.16.0.1",
  "100.64.0.1",
  "8.8.8.8",
  "fd12::1",
  "2001:db8::1",
])("%s may be a node's", (address) => expect(refusal(address)).toBeUndefined());

test("a name is judged by what it leads to, by all of it", async () => {
  const lookup = async (name: string) => (name === "evil.example" ? ["10.0.0.1", "169.254.169.254"] : ["10.0.0.1"]);
  expect(await checkedAddresses("good.example", lookup)).toEqual(["10.0.0.1"]);
  await expect(checkedAddresses("evil.example", lookup)).rejects.toThrow(
    "evil.example is 169.254.169.254: link-local addresses are refused",
  );
  await expect(checkedAddresses(new URL("http://2852039166:1").hostname, lookup)).rejects.toThrow("169.254.169.254"); // the URL standard's other ways
  await expect(checkedAddresses("x", () => Promise.reject(new Error("ENOTFOUND")))).rejects.toThrow(
    "cannot be resolved",
  );
});

const model = (name: string, more = {}) => ({ name, loaded: false, ...more });

test("a model is found by every name that people use for it", () => {
  const llama = model("bartowski/Llama-3.2-3B-Instruct-GGUF", { aliases: ["llama3.2-3b"], quantization: "Q4_K_M" });
  const big = model("bartowski/Llama-3.2-3B-Instruct-GGUF:Q8_0");
  const ollama = model("llama3.2:latest");
  const fromHub = model("hf.co/Qwen/Qwen3-4B-GGUF:latest");
  const index = indexModels([llama, big, ollama, fromHub]);
  const found = (name: string) => index.get(name.toLowerCase()) ?? index.get(modelKey(name));
  for (const name of [
    "bartowski/Llama-3.2-3B-Instruct-GGUF",
    "BARTOWSKI/llama-3.2-3b-instruct-gguf:latest",
    "bartowski/Llama-3.2-3B-Instruct-GGUF:q4_k_m",
    "hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF",
    "https://huggingface.co/bartowski/Llama-3.2-3B-Instruct-GGUF",
    "llama3.2-3b",
    "llama3.2-3b:latest",
  ])
    expect([name, found(name)]).toEqual([name, llama]);
  expect(found("bartowski/Llama-3.2-3B-Instruct-GGUF:Q8_0")).toBe(big);
  expect([found("llama3.2"), found("llama3.2:latest")]).toEqual([ollama, ollama]);
  expect([found("Qwen/Qwen3-4B-GGUF"), found("hf.co/Qwen/Qwen3-4B-GGUF:latest")]).toEqual([fromHub, fromHub]);
  expect(found("llama3.2:7b")).toBeUndefined();
});

test("a name of its own goes before another's short name", () => {
  const alias = model("org/other", { aliases: ["tiny"] });
  const own = model("tiny");
  expect(indexModels([alias, own]).get("tiny")).toBe(own);
});
