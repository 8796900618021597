import { BlockList, isIPv4 } from "node:net";

/** IPv4 networks that are no part of the public internet (IANA's special-purpose registry). */
const specialIpv4: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8], // this network
  ["10.0.0.0", 8],
  ["100.64.0.0", 10], // carriers' address translation, and some clouds' metadata
  ["127.0.0.0", 8],
  ["169.254.0.0", 16], // link-local: clouds' metadata, with credentials
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4], // multicast
  ["240.0.0.0", 4], // reserved, and broadcast
];

/** Of IPv6 only 2000::/3 is the internet; these networks inside it are not, or lead to an IPv4 address that is not looked at. */
const specialIpv6: readonly (readonly [string, number])[] = [
  ["2001::", 23], // Teredo and others
  ["2001:db8::", 32],
  ["2002::", 16], // 6to4
  ["3fff::", 20],
];

const special = new BlockList();
for (const [network, bits] of specialIpv4) special.addSubnet(network, bits, "ipv4");
for (const [network, bits] of specialIpv6) special.addSubnet(network, bits, "ipv6");

const internet = new BlockList();
internet.addSubnet("2000::", 3, "ipv6");

/** True for an address that anybody on the internet could ask: none of this machine, its network, or a cloud's inner services. */
export const isPublicAddress = (address: string): boolean =>
  isIPv4(address)
    ? !special.check(address, "ipv4")
    : internet.check(address, "ipv6") && !special.check(address, "ipv6");
