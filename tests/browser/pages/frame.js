// Imports only when asked: the test changes the frame's globals first.
window.load = () => import("/pkg/index.js");
window.loadDuplex = () => import("/pkg/duplex.js");
window.loadSpied = async () => {
  const spies = await import("/spies.js");
  return { ...(await import("/pkg/index.js")), ...spies };
};
