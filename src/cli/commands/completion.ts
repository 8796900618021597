import { AppError } from "../../core/errors.ts";
import { command } from "../command.ts";

const shells = ["bash", "zsh", "fish", "powershell"] as const;

export const completion = command({
  args: { shell: { type: "positional", completes: shells, description: `${shells.join(", ")}` } },
  examples: [
    `eval "$(llmlb completion bash)"                                    # in ~/.bashrc`,
    "source <(llmlb completion zsh)                                     # in ~/.zshrc, after compinit",
    "llmlb completion fish > ~/.config/fish/completions/llmlb.fish",
    "llmlb completion powershell | Out-String | Invoke-Expression       # in $PROFILE",
  ],
  async run({ shell }, { stdout }) {
    const { completionScripts } = await import("../complete/scripts.ts");
    const name = shells.find((one) => one === shell);
    if (!name) throw new AppError("invalid_argument", `unknown shell "${shell}": expected ${shells.join(", ")}`);
    await stdout.write(completionScripts[name]);
  },
});
