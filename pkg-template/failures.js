// Kept beside the wasm, where text costs more: `[code, sentence]` by `Failure::place` (src/core/failure.rs), whose
// texts these are; a test there compares them.
export const FAILURES = [
  ["network", "the connection failed: the browser's network panel may say why"],
  ["closed", "the server closed the connection"],
  ["open-timeout", "the connection did not open within openTimeout"],
  ["half-open", "nothing came within heartbeat.timeout"],
  ["provider", "your function failed, took too long, or returned a wrong value"],
  ["blocked", "the browser blocked the address (port, password, mixed content, security policy) or a subprotocol"],
  ["http", "the server refused the request"],
  ["content-type", "the answer's content type must be text/event-stream"],
  ["end", "the server ended the stream"],
  ["too-big", "an event is larger than maxEventBytes"],
  ["buffered", "a proxy buffers the stream: send X-Accel-Buffering: no, or set longPoll"],
  ["truncated", "the stream ended before until was true"],
  ["not-resumable", "nothing was given to resume with"],
  ["frozen", "the browser cut the connection while the page was frozen"],
  ["long-id", "send shorter ids: reconnecting without the last one, which is too long"],
  ["cursor", "the server refuses the cursor (resume.via): going on without it, with a gap"],
  ["redirect", "the server redirects the request: give its final address, or allow it with http.redirect"],
];

/** Of a heartbeat that never had an answer. */
export const UNANSWERED =
  'the server answered no ping: it must echo it or send {"type":"pong"}; see heartbeat.ping and isPong';
export const UNHEARD = "no event came in time: an EventSource misses those not named in events or on()";
