import { expect } from "bun:test";
import { toAppError } from "../../src/core/errors.ts";
import { memorySource, readGgufHeader } from "../../src/gguf/read-header.ts";

/** The message of the `corrupt` error that reading `bytes` must end with. */
export const corruption = async (bytes: Uint8Array): Promise<string> => {
  const error = await readGgufHeader(memorySource(bytes), { label: "x.gguf" }).then(
    () => new Error("it was read without an error"),
    toAppError,
  );
  expect(error).toMatchObject({ code: "corrupt" });
  expect(error.message).toStartWith("x.gguf is not a usable GGUF file: ");
  expect(error.message).not.toContain("\n");
  return error.message;
};
