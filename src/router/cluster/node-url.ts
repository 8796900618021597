import { parseAddress } from "../../config/address.ts";
import { AppError } from "../../core/errors.ts";
import { hideLogin } from "../../core/hide-login.ts";

const nodePort = 32_769; // of `llmlb node serve`
const urlMaxChars = 512;

/**
 * The address of a node in the one form that identifies it: scheme, host in small letters, port and path prefix, without a trailing
 * slash; a `/v1` that ends it, as OpenAI's clients want it, goes. Throws `invalid_argument`.
 */
export const nodeUrl = (text: string): string => {
  if (text.length > urlMaxChars || /[?#@\\]/.test(text))
    throw new AppError(
      "invalid_argument",
      `invalid node URL "${hideLogin(text).slice(0, 100)}": no login, query or fragment`,
    );
  const { baseUrl } = parseAddress(text, nodePort, "node URL");
  const { protocol, hostname, port, pathname } = new URL(baseUrl);
  const explicitPort = port || (protocol === "https:" ? "443" : "80");
  return `${protocol}//${hostname}:${explicitPort}${pathname.replace(/\/+$/, "").replace(/\/v1$/, "")}`;
};
