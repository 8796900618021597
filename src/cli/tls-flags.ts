/** Flags of both servers. */
export const tlsFlags = {
  "tls-cert": {
    type: "string",
    valueHint: "FILE",
    completes: "files",
    description: "Serve HTTPS with this certificate (PEM)",
  },
  "tls-key": {
    type: "string",
    valueHint: "FILE",
    completes: "files",
    description: "Private key of the certificate (PEM)",
  },
} as const;
