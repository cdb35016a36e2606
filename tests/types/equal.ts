// Two types are the same when neither is wider: what a plain assignment does not tell.
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles when `T` is the type of the value, to the letter. */
export function is<T>() {
  return <V>(_value: V, ..._same: Equal<T, V> extends true ? [] : [never]): void => {};
}
