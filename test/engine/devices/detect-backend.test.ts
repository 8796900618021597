import { expect, test } from "bun:test";
import { AppError } from "../../../src/core/errors.ts";
import { silentLog } from "../../../src/core/log.ts";
import { type Candidate, detectBackend } from "../../../src/engine/devices/detect-backend.ts";

const candidates: Candidate[] = [
  { backend: "cuda", nativeDir: "/cuda" },
  { backend: "vulkan", missing: "its libraries are not installed" },
  { backend: "best", nativeDir: "/base" },
];

test("the first that works, with the reasons of the better ones", async () => {
  const probe = async (nativeDir: string) => {
    if (nativeDir === "/cuda") throw new AppError("runner_crashed", "the driver is too old");
    return { backend: "cpu" as const, devices: [] };
  };
  expect(await detectBackend(candidates, probe, silentLog)).toEqual({
    backend: "cpu",
    nativeDir: "/base",
    devices: [],
    refused: [
      { backend: "cuda", reason: "the driver is too old" },
      { backend: "vulkan", reason: "its libraries are not installed" },
    ],
  });
  const works = async () => ({ backend: "cuda" as const, devices: [] });
  expect(await detectBackend(candidates, works, silentLog)).toMatchObject({ backend: "cuda", refused: [] });
});

test("when the one that was asked for does not work, its reason is the error", async () => {
  const forced: Candidate[] = [{ backend: "vulkan", missing: "its libraries are not installed" }];
  const never = () => Promise.reject(new Error("not called"));
  await expect(detectBackend(forced, never, silentLog)).rejects.toThrow(
    "cannot use vulkan: its libraries are not installed",
  );
});
