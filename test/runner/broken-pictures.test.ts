import { expect, test } from "bun:test";
import { deflateSync } from "node:zlib";
import { pictureFile } from "../../scripts/fixtures/pictures.ts";
import { type Colour, encodePng } from "../../scripts/fixtures/png.ts";
import { randomFloats } from "../../scripts/fixtures/random-floats.ts";
import { AppError } from "../../src/core/errors.ts";
import { collect, fixtures, loadedRunners, showOf } from "./start-runner.ts";

const { modelPath, projectorPath } = fixtures();
const runnerOf = loadedRunners(modelPath);
const seer = () => runnerOf("tiny-vision", { projectorPath: projectorPath("tiny-vision"), slots: 4 });

/** A JPEG of one pixel. */
const jpeg = Uint8Array.fromBase64(
  "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA=",
);

/** A GIF of one pixel. */
const gif = Uint8Array.fromBase64("R0lGODlhAQABAIAAAP8AAP///yH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==");

const bmpOf = (width: number, height: number, [red, green, blue]: Colour): Uint8Array => {
  const rowBytes = Math.ceil((3 * width) / 4) * 4;
  const bytes = new Uint8Array(54 + rowBytes * height);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode("BM"));
  for (const [at, value] of [
    [2, bytes.length],
    [10, 54],
    [14, 40],
    [18, width],
    [22, height],
  ] as const)
    view.setUint32(at, value, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) bytes.set([blue, green, red], 54 + y * rowBytes + 3 * x);
  return bytes;
};

const bmp = bmpOf(20, 10, [30, 40, 220]);
const whole = [pictureFile("red"), pictureFile("noisy blue"), jpeg, gif, bmp];

/** Numbers from 0 to 1, the same ones in every run. */
const numbers = (() => {
  const values = randomFloats("broken pictures")(200_000, 1 / Math.sqrt(12));
  let at = 0;
  return () => (values[at++ % values.length] ?? 0) + 0.5;
})();
const below = (end: number) => Math.min(end - 1, Math.floor(numbers() * end));

const breaks: Record<string, (file: Uint8Array) => Uint8Array> = {
  truncated: (file) => file.slice(0, below(file.length)),
  "wrong magic": (file) => file.with(below(Math.min(8, file.length)), below(256)),
  "other bytes": (file) => {
    const bytes = file.slice();
    for (let count = 1 + below(12); count > 0; count--) bytes[below(bytes.length)] = below(256);
    return bytes;
  },
  "huge dimensions": (file) => {
    const bytes = file.slice();
    for (const at of [16, 20, 18, 22, 6, 8]) if (numbers() < 0.5 && at < bytes.length) bytes[at] = below(256);
    return bytes;
  },
  "parts missing": (file) => {
    const from = below(file.length);
    return Uint8Array.from([...file.subarray(0, from), ...file.subarray(from + below(40))]);
  },
  "nothing but noise": (file) => Uint8Array.from(file.slice(0, 64), (byte, at) => (at < 4 ? byte : below(256))),
};

test("pictures of each kind are seen", async () => {
  const runner = await seer();
  const see = async (file: Uint8Array) => (await collect(runner.generate(showOf([file], "?")))).text;
  expect(await see(bmpOf(32, 32, [20, 200, 40]))).toBe("green");
  expect(await see(gif)).toBe("red");
  expect(await see(jpeg)).toBe("grey");
});

test("1,000 broken pictures are answered or refused, and the runner lives on", async () => {
  const runner = await seer();
  const kinds = Object.values(breaks);
  const files = Array.from({ length: 1000 }, (_, index) => {
    const source = whole[below(whole.length)] ?? jpeg;
    return kinds[index % kinds.length]?.(source) ?? source;
  });
  const refusals = new Map<string, number>();
  const ask = async (file: Uint8Array) => {
    try {
      await collect(runner.generate(showOf([file], "?", { maxTokens: 1 })));
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "invalid_argument") throw error;
      const message = error.message.replace(/\d+ x \d+ pixels/, "N x N pixels");
      refusals.set(message, (refusals.get(message) ?? 0) + 1);
    }
  };
  for (let from = 0; from < files.length; from += 50) await Promise.all(files.slice(from, from + 50).map(ask));
  expect([...refusals.keys()].sort()).toEqual([
    "image 1 is damaged: it cannot be decoded",
    "image 1 is damaged: its header cannot be read",
    "image 1 is no PNG, JPEG, GIF or BMP file",
    "image 1 is too large: N x N pixels, at most 67108864 in all",
  ]);
  expect((await collect(runner.generate(showOf([pictureFile("green")], "?")))).text).toBe("green");
}, 120_000);

test("a small file that unpacks into gigabytes is refused before it does", async () => {
  const runner = await seer();
  const small = encodePng({ width: 8, height: 8, colourAt: () => [0, 0, 0] });
  const bomb = withData(small, deflateSync(new Uint8Array(300 << 20)));
  expect(bomb.length).toBeLessThan(400_000);
  await expect(collect(runner.generate(showOf([bomb], "?")))).rejects.toMatchObject({
    code: "invalid_argument",
    message: "image 1 is damaged: it cannot be decoded",
  });
  expect(await peakBytes(runner.pid)).toBeLessThan(300 << 20);
});

/** The PNG with other compressed data; nobody looks at its checksum. */
const withData = (png: Uint8Array, data: Uint8Array): Uint8Array => {
  const headerEnd = 33;
  const chunk = new Uint8Array(12 + data.length);
  new DataView(chunk.buffer).setUint32(0, data.length);
  chunk.set(new TextEncoder().encode("IDAT"), 4);
  chunk.set(data, 8);
  return Uint8Array.from(Buffer.concat([png.subarray(0, headerEnd), chunk, png.subarray(png.length - 12)]));
};

/** The most memory that the process ever had. */
const peakBytes = async (pid: number): Promise<number> => {
  const status = await Bun.file(`/proc/${pid}/status`).text();
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
};
