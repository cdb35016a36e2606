/** Has a page say no more, and waits until all that was said has settled, and has come back. */
export async function settle(driver) {
  await driver.executeScript("window.stopped = true");
  const left = async () => {
    const { failure, tallies } = await driver.executeScript(
      "return { failure: window.failure, tallies: window.tallies }",
    );
    if (failure) throw new Error(`the page failed: ${failure}`);
    const said = (name) => tallies[name.replace(/^(topic|said in)/, "to")].sent;
    return Object.entries(tallies).filter(([name, { last }]) => name !== "numbers" && last !== said(name));
  };
  for (const end = Date.now() + 30_000; (await left()).length > 0; )
    if (Date.now() > end) throw new Error(`not settled, or not come back: ${JSON.stringify(await left())}`);
}
