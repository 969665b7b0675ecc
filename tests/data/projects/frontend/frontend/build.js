const fs = require("fs");
const isNumber = require("is-number");
fs.mkdirSync("../static", { recursive: true });
fs.writeFileSync("../static/bundle.js", `built by Node: ${isNumber(42)}`);
