const quoted = (text: string) => `"""${text.replaceAll('"""', '\\"\\"\\"')}"""`;

/** The model as an Ollama Modelfile: for reading and for `ollama create`; llmlb itself takes none. */
export const modelfile = (modelPath: string, chatTemplate: string, license: string | undefined): string =>
  [
    "# Made by llmlb from the model's own metadata.",
    `FROM ${modelPath}`,
    ...(chatTemplate ? [`TEMPLATE ${quoted(chatTemplate)}`] : []),
    ...(license ? [`LICENSE ${quoted(license)}`] : []),
    "",
  ].join("\n");
