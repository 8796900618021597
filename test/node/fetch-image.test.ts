import { afterAll, beforeEach, expect, test } from "bun:test";
import { createFetchImage, type WebAccess } from "../../src/node/fetch-image.ts";
import { isPublicAddress } from "../../src/node/public-address.ts";

test.each([
  "1.1.1.1",
  "8.8.8.8",
  "93.184.215.14",
  "172.15.255.255",
  "172.32.0.0",
  "2606:4700::1111",
  "2a00:1450:4001::1",
])("%s is public", (address) => expect(isPublicAddress(address)).toBe(true));

test.each([
  "0.0.0.0",
  "10.1.2.3",
  "100.100.100.200",
  "127.0.0.1",
  "127.255.255.254",
  "169.254.169.254",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "198.18.0.1",
  "224.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::ffff:127.0.0.1",
  "::ffff:8.8.8.8",
  "64:ff9b::7f00:1",
  "2001::1",
  "2001:db8::1",
  "2002:7f00:1::",
  "fc00::1",
  "fd12::1",
  "fe80::1",
  "ff02::1",
])("%s is not public", (address) => expect(isPublicAddress(address)).toBe(false));

/** A web in which every public address is this server; what is asked of it is noted. */
let asked: string[] = [];
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request) {
    const { pathname } = new URL(request.url);
    asked.push(`${request.headers.get("host")}${pathname}`);
    const to = (location: string) => new Response(null, { status: 302, headers: { location } });
    if (pathname === "/cat.png") return new Response("meow");
    if (pathname === "/moved") return to("/cat.png");
    if (pathname === "/inward") return to("http://127.0.0.1/cat.png");
    if (pathname === "/by-name") return to("https://inner.example/cat.png");
    if (pathname === "/file") return to("file:///etc/passwd");
    if (pathname === "/loop") return to("/loop");
    if (pathname === "/large") return new Response(new Uint8Array(2000));
    if (pathname === "/endless") return new Response(endless());
    return new Response("no", { status: 404 });
  },
});
afterAll(async () => await server.stop(true));
beforeEach(() => {
  asked = [];
});

const endless = () => new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(500)) });

const names: Readonly<Record<string, string[]>> = {
  "cat.example": ["93.184.215.14"],
  "six.example": ["2606:4700::1111"],
  "inner.example": ["10.0.0.1"],
  "mixed.example": ["93.184.215.14", "127.0.0.1"],
  "none.example": [],
};
const reached: { url: string; init: BunFetchRequestInit }[] = [];
const web: WebAccess = {
  async resolve(name) {
    const addresses = names[name];
    if (!addresses) throw new Error("ENOTFOUND");
    return addresses;
  },
  async fetch(url, init) {
    reached.push({ url, init });
    return await fetch(`http://127.0.0.1:${server.port}${new URL(url).pathname}`, init);
  },
};
const fetchImage = (url: string, maxBytes = 1000, signal = AbortSignal.timeout(10_000)) =>
  createFetchImage(web)(url, { maxBytes, signal });

test("what is asked is the address that was checked, by the name it has", async () => {
  expect(Buffer.from(await fetchImage("https://cat.example/cat.png")).toString()).toBe("meow");
  expect(asked).toEqual(["cat.example/cat.png"]);
  expect(reached.at(-1)?.url).toBe("https://93.184.215.14/cat.png");
  expect(reached.at(-1)?.init).toMatchObject({ tls: { serverName: "cat.example" }, redirect: "manual" });
});

test("an IPv6 address, a port and an address instead of a name", async () => {
  await fetchImage("http://six.example:8080/cat.png");
  expect(reached.at(-1)?.url).toBe("http://[2606:4700::1111]:8080/cat.png");
  expect(asked).toEqual(["six.example:8080/cat.png"]);
  await fetchImage("https://93.184.215.14/cat.png");
  expect(reached.at(-1)?.init).not.toHaveProperty("tls");
});

test("a redirect is followed to what may be asked", async () => {
  expect(Buffer.from(await fetchImage("http://cat.example/moved")).toString()).toBe("meow");
  expect(asked).toEqual(["cat.example/moved", "cat.example/cat.png"]);
});

test.each([
  ["http://127.0.0.1/x", "it leads to a private address"],
  ["http://[::1]/x", "it leads to a private address"],
  ["http://2130706433/x", "it leads to a private address"],
  ["http://0x7f.1/x", "it leads to a private address"],
  ["http://169.254.169.254/latest/meta-data", "it leads to a private address"],
  ["http://inner.example/cat.png", "it leads to a private address"],
  ["http://mixed.example/cat.png", "it leads to a private address"],
  ["http://none.example/cat.png", "its host has no address"],
  ["http://unknown.example/cat.png", "it cannot be reached"],
  ["http://me:secret@cat.example/cat.png", "it has a login in it"],
  ["ftp://cat.example/cat.png", "it is no http(s) address"],
  ["http://", "it is no http(s) address"],
])("%s is never asked", async (url, reason) => {
  expect(await fetchImage(url).catch((error) => error)).toMatchObject({
    code: "invalid_argument",
    message: `cannot fetch image "${url.replace("me:secret@", "***@")}": ${reason}`,
  });
  expect(asked).toEqual([]);
});

test.each([
  ["inward", "it leads to a private address"],
  ["by-name", "it leads to a private address"],
  ["file", "it is no http(s) address"],
  ["missing", "the server answered 404"],
  ["large", "it is larger than 1 KB"],
  ["endless", "it is larger than 1 KB"],
])("/%s is refused when it is seen", async (path, reason) => {
  const url = `http://cat.example/${path}`;
  expect(fetchImage(url)).rejects.toThrow(`cannot fetch image "${url}": ${reason}`);
});

test("a redirect without an end is left", async () => {
  expect(fetchImage("http://cat.example/loop")).rejects.toThrow("it leads on more than 3 times");
});

test("a client that leaves ends the fetch", async () => {
  const gone = AbortSignal.abort();
  expect(fetchImage("http://cat.example/cat.png", 1000, gone)).rejects.toThrow("abort");
});
