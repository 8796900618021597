import bash from "./scripts/bash.txt" with { type: "text" };
import fish from "./scripts/fish.txt" with { type: "text" };
import powershell from "./scripts/powershell.txt" with { type: "text" };
import zsh from "./scripts/zsh.txt" with { type: "text" };

/**
 * What makes each shell ask `llmlb __complete`. All that is to know about commands stays in the executable, so that a script in
 * somebody's profile never goes out of date.
 */
export const completionScripts = { bash, zsh, fish, powershell } as const;
