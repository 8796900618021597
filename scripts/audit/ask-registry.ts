/** What the registry knows of the packages that users get: `known` lists what is serious, `unasked` says why nothing is known. */
export type Advisories = { known: string[] } | { unasked: string };

const timeoutMs = 30_000;

/** `npm audit` over what is bundled; no answer is no verdict, since mirrors often have no such endpoint, and not every machine has a network. */
export const askRegistry = async (): Promise<Advisories> => {
  const audit = Bun.spawn(["npm", "audit", "--omit=dev", "--audit-level=high", "--json"], {
    ...{ stdin: "ignore", stdout: "pipe", stderr: "ignore", timeout: timeoutMs },
  });
  const text = await audit.stdout.text();
  await audit.exited;
  return readAudit(text);
};

/** Reads what `npm audit --json` has written. */
export const readAudit = (text: string): Advisories => {
  try {
    const { vulnerabilities, error, message } = JSON.parse(text) as AuditReport;
    if (!vulnerabilities) return { unasked: error?.summary || message || "its answer was not understood" };
    const serious = Object.values(vulnerabilities).filter(({ severity }) => /^(high|critical)$/.test(severity));
    return { known: serious.map(({ name, severity, range }) => `${name} ${range}: ${severity}`) };
  } catch {
    return { unasked: "it did not answer" };
  }
};

interface AuditReport {
  vulnerabilities?: Record<string, { name: string; severity: string; range: string }>;
  error?: { summary?: string };
  message?: string;
}
