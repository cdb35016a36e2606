/**
 * An element of this page, which is there, of the kind that index.html says.
 * @param {string} id
 * @returns {any}
 */
export const byId = (id) => document.getElementById(id);

/**
 * The same by a selector, within another.
 * @param {string} selector
 * @returns {any}
 */
export const one = (selector, within = document) => within.querySelector(selector);
