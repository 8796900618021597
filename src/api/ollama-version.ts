/** The Ollama release whose API we match; clients refuse versions that they think too old. llmlb's own is `--version`. */
export const ollamaVersion = "0.32.15";
