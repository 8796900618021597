import { ollamaVersion } from "../../api/ollama-version.ts";
import { version } from "../../core/version.ts";
import { isCompiled } from "../../native/hidden-command.ts";
import { platformName } from "../../native/native-dir.ts";
import { type Found, ok } from "../finding.ts";

export const checkVersion = (): Found[] => {
  const where = isCompiled ? process.execPath : "run from its source";
  return [ok(`llmlb ${version} for ${platformName()}, ${where}; Bun ${Bun.version}, API of Ollama ${ollamaVersion}`)];
};
