// What happens to the cluster. `node` is the one that the clients use, and messages are published at the `other` one.
// `home` sends the clients back to the node. `heal` undoes what does not heal by itself.
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const emptied = async ({ redis }) => {
  await redis.kill();
  await pause(500);
};

const restart = async ({ node }) => {
  await node.kill();
  await node.start();
};

/** Nothing may be missing, and the clients go elsewhere meanwhile. */
export const nodeFaults = {
  SIGKILL: { hit: ({ node }) => node.kill(), heal: ({ node }) => node.start() },
  SIGTERM: { hit: ({ node }) => node.terminate(), heal: ({ node }) => node.start() },
  reload: { hit: ({ node }) => node.signal("SIGHUP"), heal: restart },
  // nchan 1.3.6 with Redis in Debian's nginx 1.22.1-9+deb12u10 did not survive the second reload: each worker ended with a
  // segmentation fault, at once and for ever, while connections were accepted and never answered. With deb12u11 it does.
  "reload twice": {
    async hit({ node, home }) {
      for (let reload = 0; reload < 2; reload++) {
        node.signal("SIGHUP");
        await pause(500);
      }
      await home();
    },
    heal: restart,
  },
  "workers SIGKILL": {
    hit: ({ node }) => {
      for (const worker of node.workers) process.kill(worker, "SIGKILL");
    },
  },
  // Open, and dead: only the heartbeat can tell.
  SIGSTOP: { hit: ({ node }) => node.signal("SIGSTOP", true), heal: ({ node }) => node.signal("SIGCONT", true) },
};

/** `empties`: what Redis kept is gone, so what is missing must be told. `alone`: the clients have no other node to go to. */
export const redisFaults = {
  "Redis SIGSTOP 3 s": {
    async hit({ redis }) {
      redis.signal("SIGSTOP");
      await pause(3_000);
    },
    heal: ({ redis }) => redis.signal("SIGCONT"),
  },
  "Redis killed": { empties: true, hit: emptied, heal: ({ redis }) => redis.start() },
  "Redis, node killed": {
    empties: true,
    async hit(cluster) {
      await cluster.node.kill();
      await emptied(cluster);
    },
    async heal({ redis, node }) {
      await redis.start();
      await node.start();
    },
  },
  "buffer lost": {
    empties: true,
    alone: true,
    loses: true,
    async hit(cluster) {
      await cluster.node.kill();
      await pause(500);
      await emptied(cluster);
    },
    async heal({ redis, node }) {
      await redis.start();
      await node.start();
    },
  },
};
