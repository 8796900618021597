/** Goes up when the same repository would become another GGUF: then what an older llmlb has converted is converted anew at its next pull. */
export const converterVersion = 2;
