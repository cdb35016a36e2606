/**
 * A handler's or a codec's throw is the app's: told where the browser tells errors, and the stream goes on. Without `reportError` (Node)
 * what is thrown ends the process: a handler's is, as any listener's there; the rest may be made to throw by a server's word.
 */
export function report(error: unknown, handler?: boolean): void {
  if (typeof reportError === "function") reportError(error);
  else if (handler)
    setTimeout(() => {
      throw error;
    });
  // biome-ignore lint/suspicious/noConsole: there is nothing else that would not end the process.
  else console.error(error);
}
