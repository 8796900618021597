import { expect, test } from "bun:test";
import { benchCluster } from "../../scripts/bench/cluster.ts";
import { canMakeNetworks } from "../../scripts/bench/network.ts";

test.skipIf(!canMakeNetworks())(
  "no request is lost when a node's cable is pulled again and again, in a network of its own",
  async () => {
    const rows = await benchCluster({ only: "cable is loose", netns: true, afterMs: 500 });
    expect(Object.values(rows)).toEqual([
      {
        ...{ answered: expect.any(Number), refused: 0, lostBefore: 0, unheard: 0, brokenAfter: 0 },
        slowestFirstByteMs: expect.any(Number),
      },
    ]);
    expect(Object.values(rows)[0]?.answered).toBeGreaterThan(100);
  },
);
