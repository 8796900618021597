import { generateKeyPairSync, sign } from "node:crypto";

/** An HTTPS server with a certificate of its own making, which this process believes until it is disposed of. */
export interface HttpsFront extends Disposable {
  endpoint: string;
}

export const httpsFront = (answer: (request: Request) => Response | Promise<Response>): HttpsFront => {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", tls: selfSigned(), fetch: answer });
  const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  return {
    endpoint: `https://127.0.0.1:${server.port}`,
    [Symbol.dispose]() {
      void server.stop(true);
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    },
  };
};

/** Made by hand (X.509 in DER), so that no key lies in the repository and no openssl is needed. */
const selfSigned = (): { key: string; cert: string } => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = sequence(hex("06082a8648ce3d040302")); // ecdsa-with-SHA256
  const name = sequence(der(0x31, sequence(hex("0603550403"), der(0x0c, Buffer.from("localhost")))));
  const validity = sequence(...["200101000000Z", "491231235959Z"].map((time) => der(0x17, Buffer.from(time))));
  const key = publicKey.export({ type: "spki", format: "der" });
  const version = der(0xa0, hex("020102"));
  const body = sequence(version, hex("020101"), algorithm, name, validity, name, key);
  const signature = der(0x03, Buffer.from([0]), sign("sha256", body, privateKey));
  const certificate = sequence(body, algorithm, signature).toString("base64");
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`,
  };
};

const hex = (digits: string) => Buffer.from(digits, "hex");

const der = (tag: number, ...parts: Buffer[]): Buffer => {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
};

const sequence = (...parts: Buffer[]) => der(0x30, ...parts);
