import { expect, test } from "bun:test";
import { AppError, isErrorCode, toAppError } from "../../src/core/errors.ts";

test("a code decides status and exit code", () => {
  expect([new AppError("model_not_found", "x").status, new AppError("model_not_found", "x").exitCode]).toEqual([
    404, 1,
  ]);
  expect(new AppError("connection", "x").exitCode).toBe(2);
});

test("anything thrown becomes an AppError", () => {
  const busy = new AppError("busy", "x");
  expect(toAppError(busy)).toBe(busy);
  expect(toAppError(new DOMException("stop", "AbortError")).code).toBe("cancelled");
  expect(toAppError(new Error("boom"))).toMatchObject({ code: "internal", message: "boom" });
  expect(toAppError("text").message).toBe("text");
});

test("only known codes are codes", () => {
  expect(["busy", "toString", 3].map(isErrorCode)).toEqual([true, false, false]);
});
