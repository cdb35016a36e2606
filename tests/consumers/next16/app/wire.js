"use client";

import { connect } from "everwire";
import { useEffect, useState } from "react";
import { live } from "../live.js";

export function Wire() {
  // While the server renders this it opens nothing.
  const [wire] = useState(() => connect("/nowhere", { paused: typeof window === "object" }));
  useEffect(() => live(), []);
  return (
    <>
      <p id="rendered">{wire.state}</p>
      <p id="import">{typeof connect}</p>
      <p id="live" suppressHydrationWarning>
        not yet
      </p>
    </>
  );
}
