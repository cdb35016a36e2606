"use client";

import { connect } from "everwire";
import { useEffect } from "react";
import { live } from "../live.js";

export function Wire() {
  useEffect(() => live(), []);
  return (
    <>
      <p id="import">{typeof connect}</p>
      <p id="live" suppressHydrationWarning>
        not yet
      </p>
    </>
  );
}
