// The clone above has a lockfile too, which Next would take for the root.
export default {
  turbopack: { root: import.meta.dirname },
  outputFileTracingRoot: import.meta.dirname,
};
