interface Window {
  /** What the page is made of: for the tests, and for you in the console. */
  demo: object;
}
