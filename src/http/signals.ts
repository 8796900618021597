const signals = ["SIGINT", "SIGTERM"] as const;

/** The next signal that asks this process to end; until then it does not end it. */
export const nextSignal = (): Promise<string> =>
  new Promise((resolve) => {
    const take = (signal: string) => {
      for (const name of signals) process.off(name, take);
      resolve(signal);
    };
    for (const name of signals) process.on(name, take);
  });
