import { version } from "everwire";
import { Wire } from "./wire.js";

// Rendered by the server for each request: everwire is imported there, here and in Wire.
export const dynamic = "force-dynamic";

export default function Page() {
  return (
    <main>
      <p id="version">{version}</p>
      <Wire />
    </main>
  );
}
