import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { type Entry, gzip, tarGz, zip } from "../../scripts/release/archives.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const time = new Date("2026-11-25T01:02:04Z");
const entries: Entry[] = [
  { name: "top/llmlb", bytes: bytesOf("program"), executable: true },
  { name: "top/native/linux-x64/lib.so", bytes: bytesOf("library") },
  { name: "top/LICENSE", bytes: bytesOf("terms") },
];

test("an archive depends on what is in it, not on the order", async () => {
  const again = entries.toReversed();
  expect(Buffer.compare(await tarGz(entries, time), await tarGz(again, time))).toBe(0);
  expect(Buffer.compare(zip(entries, time), zip(again, time))).toBe(0);
  const other = entries.map((entry, index) => (index === 0 ? { ...entry, executable: false } : entry));
  expect(Buffer.compare(await tarGz(entries, time), await tarGz(other, time))).not.toBe(0);
  expect(Buffer.compare(zip(entries, time), zip(entries, new Date("2026-11-25T01:02:06Z")))).not.toBe(0);
});

test("an archive does not depend on where it is made", async () => {
  const make = async (zone: string): Promise<string> => {
    const script = `const { zip, tarGz } = await import("${join(import.meta.dir, "../../scripts/release/archives.ts")}");
      const entries = [{ name: "a", bytes: new Uint8Array(9) }];
      const time = new Date(${time.getTime()});
      const hash = new Bun.CryptoHasher("sha256").update(zip(entries, time)).update(await tarGz(entries, time));
      console.log(hash.digest("hex"), time.getHours());`;
    const child = Bun.spawn([process.execPath, "-e", script], { env: { ...process.env, TZ: zone }, stderr: "inherit" });
    return await child.stdout.text();
  };
  const [[tokyo, tokyoHour], [lima, limaHour]] = [
    (await make("Asia/Tokyo")).split(" "),
    (await make("America/Lima")).split(" "),
  ];
  expect(tokyoHour).not.toBe(limaHour);
  expect(tokyo).toMatch(/^[0-9a-f]{64}$/);
  expect(tokyo).toBe(lima);
});

test("tar reads owner, mode and time", async () => {
  const dir = await mkdtemp(join(tmpdir(), "llmlb-tar-"));
  const archive = join(dir, "a.tar.gz");
  await Bun.write(archive, await tarGz(entries, time));
  const list = Bun.spawn(["tar", "tvzf", archive], { env: { ...process.env, TZ: "UTC" } });
  const rows = (await list.stdout.text())
    .trim()
    .split("\n")
    .map((row) => row.split(/\s+/).join(" "));
  expect(rows).toEqual([
    "-rw-r--r-- root/root 5 2026-11-25 01:02 top/LICENSE",
    "-rwxr-xr-x root/root 7 2026-11-25 01:02 top/llmlb",
    "-rw-r--r-- root/root 7 2026-11-25 01:02 top/native/linux-x64/lib.so",
  ]);
  await rm(dir, { recursive: true });
});

test("zip and gzip give back what went in", () => {
  const files = unzipSync(zip(entries, time));
  expect(Object.entries(files).map(([name, bytes]) => [name, Buffer.from(bytes).toString()])).toEqual([
    ["top/LICENSE", "terms"],
    ["top/llmlb", "program"],
    ["top/native/linux-x64/lib.so", "library"],
  ]);
  const packed = gzip(bytesOf("program"));
  expect(Buffer.from(Bun.gunzipSync(packed as Uint8Array<ArrayBuffer>)).toString()).toBe("program");
  expect([...packed.subarray(4, 8)]).toEqual([0, 0, 0, 0]); // no time
});
