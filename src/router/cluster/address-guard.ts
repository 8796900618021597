import { isIP } from "node:net";
import { AppError } from "../../core/errors.ts";

/** All addresses of a host name. */
export type Lookup = (hostname: string) => Promise<string[]>;

export const systemLookup: Lookup = async (hostname) => {
  const { lookup } = await import("node:dns/promises");
  return (await lookup(hostname, { all: true })).map(({ address }) => address);
};

/**
 * Where no node is: what a cloud tells a machine about itself, its keys too, is at such addresses. Private networks are where nodes
 * live. 100.100.100.200 is Alibaba's, 168.63.129.16 Azure's, 192.0.0.192 Oracle's, fd00:ec2::254 and fd20:ce::254 are AWS's and Google's.
 */
const refused: readonly [RegExp, string][] = [
  [/^169\.254\./, "link-local addresses are refused"],
  [/^fe[89ab][0-9a-f]:/, "link-local addresses are refused"],
  [/^(100\.100\.100\.200|168\.63\.129\.16|192\.0\.0\.192)$/, "it belongs to a cloud's metadata service"],
  [/^(fd00:ec2:[0:]*:?254|fd20:ce:[0:]*:?254)$/, "it belongs to a cloud's metadata service"],
  [/^(0\.|22[4-9]\.|23\d\.|25[0-5]\.|ff)/, "it is no address of a single host"],
  [/^::$/, "it is no address of a single host"],
];

/** Why an address is no node's; undefined for one that may be. */
export const refusal = (address: string): string | undefined => {
  const plain = canonical(address);
  if (plain === undefined) return "it is no address that a URL can name";
  const inner = ipv4Inside(plain);
  return refused.find(([pattern]) => pattern.test(inner))?.[1];
};

/** As the URL standard writes it: small letters, no zeros, no zone. Undefined for what only `isIP` takes for an address. */
const canonical = (address: string): string | undefined => {
  const [bare = ""] = address.replace(/^\[|\]$/g, "").split("%");
  if (isIP(bare) !== 6) return bare;
  return URL.canParse(`http://[${bare}]`) ? new URL(`http://[${bare}]`).hostname.slice(1, -1) : undefined;
};

/** `::ffff:a9fe:a9fe` (mapped) and `64:ff9b::a9fe:a9fe` (NAT64) lead to 169.254.169.254. */
const ipv4Inside = (address: string): string => {
  const [, high, low] = /^(?:::ffff:|::|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address) ?? [];
  if (high === undefined || low === undefined) return address;
  const bytes = [high, low].flatMap((part) => [Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 255]);
  return bytes.join(".");
};

/**
 * Where a host is to be connected to: these addresses and none that a second look at its name finds, which may be another's by then. Throws
 * `forbidden` when one of them is refused, and `connection` for a name without any.
 */
export const checkedAddresses = async (hostname: string, lookup: Lookup): Promise<readonly string[]> => {
  const literal = hostname.replace(/^\[|\]$/g, "");
  const addresses = isIP(literal) ? [literal] : await resolve(literal, lookup);
  for (const address of addresses) {
    const why = refusal(address);
    if (why) throw new AppError("forbidden", `${literal === address ? "" : `${literal} is `}${address}: ${why}`);
  }
  return addresses;
};

const resolve = async (hostname: string, lookup: Lookup): Promise<string[]> => {
  const addresses = await lookup(hostname).catch((cause) => {
    throw new AppError("connection", `the name ${hostname} cannot be resolved`, { cause });
  });
  if (addresses.length > 0) return addresses;
  throw new AppError("connection", `the name ${hostname} has no address`);
};
