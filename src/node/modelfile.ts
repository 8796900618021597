const quoted = (text: string) => `"""${text.replaceAll('"""', '\\"\\"\\"')}"""`;

export interface ModelfileParts {
  modelPath: string;
  adapterPaths?: readonly string[];
  template: string;
  /** Lines of names and values. */
  parameters?: string;
  system?: string | undefined;
  license?: string | undefined;
}

/** The model as an Ollama Modelfile: for reading and for `ollama create`; llmlb itself takes none. */
export const modelfile = (parts: ModelfileParts): string => {
  const { modelPath, adapterPaths = [], template, parameters, system, license } = parts;
  return [
    "# Made by llmlb from the model's own metadata.",
    `FROM ${modelPath}`,
    ...adapterPaths.map((path) => `ADAPTER ${path}`),
    ...(template ? [`TEMPLATE ${quoted(template)}`] : []),
    ...(system ? [`SYSTEM ${quoted(system)}`] : []),
    ...(parameters ? parameters.split("\n").map((line) => `PARAMETER ${line.replace(/\s+/, " ")}`) : []),
    ...(license ? [`LICENSE ${quoted(license)}`] : []),
    "",
  ].join("\n");
};
