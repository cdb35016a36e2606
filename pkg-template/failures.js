// Kept beside the wasm, where text costs more: `[code, sentence]` by `Failure::place` (src/core/failure.rs), whose
// texts these are; a test there compares them.
export const FAILURES = [
  ["network", "the connection failed: the browser's network panel may say why"],
  ["closed", "the server closed the connection"],
  ["open-timeout", "the connection did not open within openTimeout"],
  ["half-open", "nothing came within heartbeat.timeout"],
  ["provider", "a function of yours failed, took too long, or gave what cannot be used"],
  ["blocked", "the browser refuses the address (port, password, mixed content, security policy) or a subprotocol"],
  ["http", "the server refused the request"],
  ["content-type", "the answer's content type must be text/event-stream"],
  ["end", "the server ended the stream"],
  ["too-big", "an event is larger than maxEventBytes"],
  ["buffered", "a proxy holds the stream back: send X-Accel-Buffering: no, or set longPoll"],
  ["truncated", "the stream ended before until was true"],
  ["not-resumable", "resume.request gave nothing to go on with"],
  ["frozen", "the browser cut the connection while the page was frozen"],
  ["long-id", "the last id is too long to go up: on without it. Send shorter ids"],
  ["cursor", "the server refuses the cursor that everwire adds (resume.via): on without it, with a gap"],
];

/** Of a heartbeat that never had an answer. */
export const UNANSWERED =
  'no ping was answered: the server must send it back, or {"type":"pong"}; see heartbeat.ping and isPong';
export const UNHEARD = "nothing came in time: an EventSource hears only pings, and what events or on() names";
