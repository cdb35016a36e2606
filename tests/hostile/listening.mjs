// Loaded before an example server: takes a free port instead of its own, and says where it listens.
import { Server } from "node:net";

const { listen } = Server.prototype;
Server.prototype.listen = function (_port, ...rest) {
  this.once("listening", () => console.log(`listening ${JSON.stringify(this.address())}`));
  return listen.call(this, 0, ...rest);
};
