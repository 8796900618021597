import { runTool, type Tool } from "../native/run-tool.ts";
import { isSignedWhole } from "./mach-o.ts";

/** What signs ad hoc, without a certificate: Apple's tool on a Mac, apple-codesign elsewhere. */
const signers: readonly { tool: Tool; args: (file: string) => string[] }[] = [
  { tool: "codesign", args: (file) => ["--force", "--identifier", "llmlb", "--sign", "-", file] },
  { tool: "rcodesign", args: (file) => ["sign", "--binary-identifier", "llmlb", file] },
];

/**
 * Makes the signature of a macOS executable fit its bytes. Bun signs what it compiles for Apple silicon; for Intel it leaves the signature
 * of its own executable as it was, with which macOS would kill the program. Throws an Error, for people to read, where nothing can sign.
 */
export const signMachO = async (file: string): Promise<void> => {
  if (isSignedWhole(await Bun.file(file).bytes())) return;
  const signer = signers.find(({ tool }) => Bun.which(tool));
  if (!signer)
    throw new Error(
      `macOS would not run ${file} with the signature that Bun gave it: install rcodesign (apple-codesign)`,
    );
  await runTool(signer.tool, signer.args(file));
  if (!isSignedWhole(await Bun.file(file).bytes())) throw new Error(`${signer.tool} left ${file} with a bad signature`);
};
