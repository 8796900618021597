/** How to reach a Hugging Face Hub; config fills it in, hub uses it. */
export interface HubSettings {
  /** Without a trailing slash and without a login, e.g. `https://huggingface.co`. */
  endpoint: string;
  /** `user:password` for a mirror that wants one; sent and kept like `token`, and instead of it. */
  login?: string;
  /** Sent to the endpoint only, never to the host that it redirects to; never logged. */
  token?: string;
  /** HF_HUB_OFFLINE: no network call may be made. */
  offline: boolean;
  /** Cache of huggingface_hub, whose blobs are reused and which is never written to; absent = there is none. */
  cacheDir?: string;
  /** HF_HUB_DISABLE_XET: files come by plain HTTP or not at all. */
  xetDisabled?: boolean;
  /** Host and port of the proxy that the endpoint is reached through; for messages, fetch finds it by itself. */
  proxy?: string;
}
