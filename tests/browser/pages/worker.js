// A client in a dedicated worker: it tells its first message.
import { connect } from "/pkg/index.js";

self.onmessage = ({ data: url }) => {
  connect(url).on(({ data, lastEventId, transport }) => postMessage({ data, lastEventId, transport }), { once: true });
};
