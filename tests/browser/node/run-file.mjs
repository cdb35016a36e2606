// Opens a fresh page for one file of tests and reads its results as they come.
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
// A page that reports nothing for this long is dead: the tests' own limits are shorter.
const silence = 300_000;

/** `folder`: where the server has it. */
export async function runFile(driver, url, engine, file, report, folder = "tests") {
  // A page may be busy for long on a busy machine, and answers nothing meanwhile.
  await driver.manage().setTimeouts({ script: silence });
  const query = new URLSearchParams({ file, folder, engine, only: report.only });
  await driver.get(`${url}/index.html?${query}`);
  let lastWord = Date.now();
  let current = "loading";
  for (;;) {
    const state = await driver.executeScript("return window.takeResults ? window.takeResults() : null");
    for (const { name, error, milliseconds } of state?.results ?? []) {
      lastWord = Date.now();
      if (error === null) report.pass(engine, name, milliseconds);
      else report.fail(engine, name, error);
    }
    if (state?.finished) return;
    if (state) current = state.current;
    if (Date.now() - lastWord > silence) {
      report.fail(engine, `${file}: ${current}`, `the page reported nothing for ${silence / 1000} s`);
      return;
    }
    await pause(50);
  }
}
