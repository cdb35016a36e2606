// Tokens: asked for once for all that need one, kept until shortly before they expire, put where the server reads them.
import type { Client, Context, Endpoint, Handshake, Target } from "./index.js";

/** A token, and when it expires. */
export interface Token {
  readonly token: string;
  /**
   * A Date, or a number: ms since 1970, or, as all ms before 1973 are, seconds, such as a JWT's `exp`. Without it the token is good
   * until the server refuses it.
   */
  readonly expiresAt?: Date | number | null;
}

export interface TokenContext {
  /**
   * `unauthorized`: the server has refused the last one (401, close 4001 or 4401, or what `shouldReconnect` calls so). `refresh`:
   * the last one is about to expire, and a client of `keepFresh` is there. Else the reason of the attempt that needs it.
   */
  readonly reason: "initial" | "reconnect" | "unauthorized" | "refresh";
  /** Aborted when nobody waits for it any more. */
  readonly signal: AbortSignal;
}

export interface TokensOptions {
  /**
   * How long before it expires a token is replaced, in ms; but not before half of its life is over. Default 60 000; 0 to 2^31-1.
   */
  refreshAhead?: number;
  /**
   * Addresses whose origins may get the token. Default: the first one that it is asked for. For another one the attempt fails, with the
   * failure `provider`. Does not concern `query`, which is given its address.
   */
  origins?: readonly string[];
}

/** What is told of the attempt, or of the handshake, that a token is for. */
type Why = Pick<Context, "reason" | "signal">;

export interface Tokens {
  /** In the query. `name` is that of the parameter, default `access_token`. Query strings stand in servers' logs. */
  query(
    target: string | URL | ((context: Context) => string | URL | Promise<string | URL>),
    name?: string,
  ): (context: Context) => Promise<URL>;
  query(target: Endpoint, name?: string): (context: Context) => Promise<Target>;
  /** For `http.headers`: `Authorization: Bearer …`. */
  header(): (context: Context) => Promise<{ authorization: string }>;
  /**
   * For `protocols`: the other subprotocols, then `prefix` (default `bearer.`) with the token. Let the server choose one of the
   * others: it is what `wire.protocol` shows. A token with characters that no subprotocol has is a failed attempt.
   */
  protocol(prefix?: string, ...others: string[]): (context: Context) => Promise<string[]>;
  /** For `handshake`: the first frame. Default `{ type: "auth", token }`. */
  frame(make?: (token: string) => unknown): (connection: Handshake) => Promise<void>;
  /** Anywhere: a function for the endpoint, `protocols`, `http.headers`, `http.body` or `handshake`, made of one of the token. */
  put<R, C extends Why = Context>(place: (token: string, context: C) => R | Promise<R>): (context: C) => Promise<R>;
  /**
   * As long as the client is not closed, a token is replaced before it expires, so that no reconnect has to wait for one.
   * `onRefresh` gets each new one while the client is open, to send it over the connection that there is. Returns what ends it.
   */
  keepFresh(client: Client<any>, onRefresh?: (token: string) => void): () => void;
  /** At logout: the token is thrown away, also one that is being asked for. The next attempt asks for a new one. */
  forget(): void;
}

/**
 * Asks `ask` for a token when one is needed: the first time, when the last one is about to expire, and once after the server has
 * refused it. All clients that share the tokens share one question. One that throws is a failed attempt, unless the last token is
 * still good.
 */
export function tokens(
  ask: (context: TokenContext) => string | Token | Promise<string | Token>,
  options?: TokensOptions,
): Tokens;

/**
 * At logout, when the clients are closed: removes what `resume.storage` and `outbox.persist` keep under this key, for every endpoint and of
 * every tab, from `sessionStorage` and `localStorage`, or from the storages given. Another tab that has a client with this key open
 * writes again: close those, too. Throws `invalid-option` for a storage that cannot be listed.
 *
 * ```js
 * wire.close();
 * auth.forget();
 * forget(user.id);
 * ```
 */
export function forget(key: string, ...storages: Storage[]): void;
