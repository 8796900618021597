import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { executable } from "./engine-peers.ts";

const nginx = "/usr/sbin/nginx"; // Debian's package nginx-light

/** A process that answers on a port of this machine. */
export interface Peer {
  port: number;
  pid: number;
  stop(): Promise<void>;
}

/** A node that is none, in a process of its own. */
export const startUpstream = async (): Promise<Peer> => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "router-upstream.ts")], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const { value } = await child.stdout.getReader().read();
  const port = Number(/ready (\d+)/.exec(new TextDecoder().decode(value))?.[1]);
  return { port, pid: child.pid, stop: () => end(child) };
};

/** An executable's router, all of it, over these nodes. */
export const startRouterOver = async (
  nodes: readonly Pick<Peer, "port">[],
  { kind = "llama-server", program = executable } = {},
): Promise<Peer> => {
  const home = mkdtempSync(join(tmpdir(), "llmlb-bench-router-"));
  const port = await freePort();
  const child = Bun.spawn([program, "router", "serve", "--port", String(port)], {
    env: { PATH: process.env.PATH ?? "", HOME: home },
    stdout: "ignore",
    stderr: "ignore",
  });
  const base = `http://127.0.0.1:${port}`;
  await untilAnswers(base);
  for (const node of nodes) {
    const body = JSON.stringify({ url: `http://127.0.0.1:${node.port}`, kind });
    const headers = { "content-type": "application/json" };
    const added = await fetch(`${base}/api/router/nodes`, { method: "POST", headers, body });
    if (!added.ok) throw new Error(await added.text());
  }
  const stop = async () => {
    await end(child);
    rmSync(home, { recursive: true });
  };
  return { port, pid: child.pid, stop };
};

/** Undefined where it is not installed. */
export const startNginx = async (node: Peer): Promise<Peer | undefined> => {
  if (!existsSync(nginx)) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "llmlb-nginx-"));
  mkdirSync(join(folder, "temp"));
  const port = await freePort();
  await Bun.write(join(folder, "nginx.conf"), configOf(folder, port, node.port));
  const child = Bun.spawn([nginx, "-p", folder, "-c", join(folder, "nginx.conf")], { stderr: "ignore" });
  await untilAnswers(`http://127.0.0.1:${port}`);
  const stop = async () => {
    await end(child);
    rmSync(folder, { recursive: true });
  };
  return { port, pid: child.pid, stop };
};

const end = async (child: Bun.Subprocess): Promise<void> => {
  child.kill("SIGKILL");
  await child.exited;
};

const untilAnswers = async (url: string): Promise<void> => {
  for (let tries = 0; tries < 500; tries++) {
    const answered = await fetch(url).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await Bun.sleep(20);
  }
  throw new Error(`${url} does not answer`);
};

/** One process, connections to the node kept, nothing buffered: what is told of nginx before language models. */
const configOf = (folder: string, port: number, upstreamPort: number) => `
daemon off; master_process off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
worker_rlimit_nofile 8192;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000;
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/temp/${name};`).join(" ")}
  upstream node { server 127.0.0.1:${upstreamPort}; keepalive 256; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port} backlog=2048;
    location / {
      proxy_pass http://node; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_read_timeout 600s;
    }
  }
}
`;
