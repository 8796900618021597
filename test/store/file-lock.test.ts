import { expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import { lockFile, tryLockFile, tryLockTemporaryFile } from "../../src/store/file-lock.ts";

const withFolder = async (action: (dir: string) => Promise<void> | void) => {
  const dir = mkdtempSync(join(tmpdir(), "llmlb-lock-"));
  try {
    await action(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};

test("a lock has one holder, inside a process too", () =>
  withFolder((dir) => {
    const path = join(dir, "a.lock");
    const first = tryLockFile(path);
    expect(first).toBeDefined();
    expect(tryLockFile(path)).toBeUndefined();
    first?.release();
    const second = tryLockFile(path);
    expect(second).toBeDefined();
    second?.release();
  }));

test("a lock ends with its process, however that ends", () =>
  withFolder(async (dir) => {
    const path = join(dir, "a.lock");
    const source = join(import.meta.dir, "../../src/store/file-lock.ts");
    const script = `const { tryLockFile } = await import(${JSON.stringify(source)});
      globalThis.lock = tryLockFile(${JSON.stringify(path)}); console.log(globalThis.lock ? "held" : "busy"); process.stdin.resume();`;
    const child = Bun.spawn([process.execPath, "-e", script], { stdin: "pipe", stdout: "pipe" });
    const { value } = await child.stdout.getReader().read();
    expect(new TextDecoder().decode(value)).toBe("held\n");
    expect(tryLockFile(path)).toBeUndefined();
    let polls = 0;
    const waiting = lockFile(path, {
      clock: systemClock,
      onWait: () => {
        polls++;
        child.kill("SIGKILL");
      },
    });
    using lock = await waiting;
    expect(lock).toBeDefined();
    expect(polls).toBeGreaterThan(0);
  }));

test("a temporary lock's file goes with it and can be taken anew", () =>
  withFolder((dir) => {
    const [path, guard] = [join(dir, "a.lock"), join(dir, "guard.lock")];
    const first = tryLockTemporaryFile(path, guard);
    expect(tryLockTemporaryFile(path, guard)).toBeUndefined();
    first?.release();
    expect(existsSync(path)).toBe(false);
    const second = tryLockTemporaryFile(path, guard);
    expect(second).toBeDefined();
    second?.release();
  }));

test("giving back a temporary lock never fails: what ended the work must not be hidden", () =>
  withFolder((dir) => {
    const [path, guard] = [join(dir, "a.lock"), join(dir, "guard.lock")];
    const first = tryLockTemporaryFile(path, guard);
    rmSync(guard);
    mkdirSync(guard); // cannot be locked any more, as on a full disk
    expect(() => first?.release()).not.toThrow();
    expect(tryLockFile(path)).toBeDefined();
  }));
