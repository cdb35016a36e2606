module.exports = {
  entry: "./main.js",
};
