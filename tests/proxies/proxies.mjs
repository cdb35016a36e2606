// nginx and Caddy, each with the file of docs/proxies: only names, paths and ports are filled in.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { program, root } from "../browser/node/environment.mjs";
import { freePort, start } from "../browser/node/processes.mjs";
import { listening, replaced, startNginx } from "./nginx.mjs";

const install = "Run scripts/setup.sh proxies.";

function filled(file, { certificate, key, www, nodes }) {
  return replaced(readFileSync(join(root, "docs/proxies", file), "utf8"), [
    ["/etc/ssl/example.com/fullchain.pem", certificate],
    ["/etc/ssl/example.com/privkey.pem", key],
    ["/srv/www", www],
    ...nodes.map(({ address }, at) => [`10.0.0.${at + 1}:8080`, address]),
  ]);
}

async function nginx(setting, changes) {
  const [port, redirects] = [await freePort(), await freePort()];
  const folder = join(setting.folder, `nginx-${port}`);
  const config = (more) =>
    replaced(filled("nginx.conf", setting), [
      ...more,
      ["listen 443", `listen 127.0.0.1:${port}`],
      ["listen 80", `listen 127.0.0.1:${redirects}`],
      ["server_name example.com", "server_name localhost"],
      ["/var/log/nginx/access.log", join(folder, "access.log")],
    ]);
  const { reload, ...server } = await startNginx(folder, config(changes), `https://localhost:${port}`);
  return { ...server, reload: (more = changes) => reload(config(more)) };
}

async function caddy(setting, changes) {
  const binary = program(process.env.EVERWIRE_CADDY, install);
  const [port, redirects, admin] = [await freePort(), await freePort(), await freePort()];
  const folder = join(setting.folder, `caddy-${port}`);
  mkdirSync(folder);
  const config = join(folder, "Caddyfile");
  // Caddy opens the port for redirects and the one for `caddy reload` by itself.
  const ports = `{\n\thttp_port ${redirects}\n\tadmin 127.0.0.1:${admin}\n}\n`;
  const delay = caddyVersion.number().minor >= 7 ? [["#stream_close_delay", "stream_close_delay"]] : [];
  const write = (more) =>
    writeFileSync(
      config,
      replaced(ports + filled("Caddyfile", setting), [
        ["example.com {", `https://localhost:${port} {`],
        ...delay,
        ...more,
      ]),
    );
  write(changes);
  const env = { XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, HOME: folder };
  const args = ["--config", config, "--adapter", "caddyfile"];
  const server = await start(binary, ["run", ...args], { what: "Caddy", env });
  const url = `https://localhost:${port}`;
  await listening(url, server);
  return {
    url,
    stop: server.stop,
    reload(more = changes) {
      write(more);
      // Unchanged, it would not be loaded.
      execFileSync(binary, ["reload", "--force", "--address", `127.0.0.1:${admin}`, ...args], {
        stdio: "pipe",
        env: { ...process.env, ...env },
      });
    },
  };
}

/** What a program says of its version, and the numbers in it. */
function versionOf(variable, flag) {
  const numbers = () =>
    /(\d+)\.(\d+)\.(\d+)/.exec(
      spawnSync(program(process.env[variable], install), [flag], { encoding: "utf8" }).output.join(""),
    ) ?? [];
  return {
    text: () => numbers()[0],
    number() {
      const [, major, minor] = numbers().map(Number);
      return { major, minor };
    },
  };
}

const caddyVersion = versionOf("EVERWIRE_CADDY", "version");

export const proxies = {
  nginx: { start: nginx, version: versionOf("EVERWIRE_NGINX", "-v") },
  caddy: { start: caddy, version: caddyVersion },
};
