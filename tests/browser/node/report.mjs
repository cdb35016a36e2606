// Counts and prints what the tests did.
export class Report {
  #passed = 0;
  #failed = 0;
  #started = Date.now();
  /** Of each engine, how many passed and failed. */
  #engines = new Map();

  constructor(only) {
    this.only = only;
  }

  wants(name) {
    return name.includes(this.only);
  }

  pass(engine, name, milliseconds) {
    this.#passed += 1;
    this.#count(engine).passed += 1;
    console.log(`ok    ${engine.padEnd(8)} ${name} (${Math.round(milliseconds)} ms)`);
  }

  fail(engine, name, message) {
    this.#failed += 1;
    this.#count(engine).failed += 1;
    console.log(`FAIL  ${engine.padEnd(8)} ${name}\n      ${String(message).replaceAll("\n", "\n      ")}`);
  }

  #count(engine) {
    const counts = this.#engines.get(engine) ?? { passed: 0, failed: 0 };
    this.#engines.set(engine, counts);
    return counts;
  }

  /** Runs one test on the node side. */
  async run(engine, name, test) {
    if (!this.wants(name)) return;
    const start = Date.now();
    try {
      await test();
      this.pass(engine, name, Date.now() - start);
    } catch (error) {
      this.fail(engine, name, error.stack ?? error);
    }
  }

  finish() {
    if (this.#passed + this.#failed === 0) this.fail("run", "nothing ran", `No test's name contains "${this.only}".`);
    if (this.#engines.size > 1)
      for (const [engine, { passed, failed }] of this.#engines)
        console.log(`${engine.padEnd(8)} ${passed} passed, ${failed} failed`);
    console.log(`(${Math.round((Date.now() - this.#started) / 1000)} s)`);
    console.log(`${this.#passed} passed, ${this.#failed} failed`);
    return this.#failed === 0 ? 0 : 1;
  }
}
