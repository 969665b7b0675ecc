// Print one comment with the name, version and licence of every package that went into the bundle.
import { readFileSync } from "node:fs";

const inputs = Object.keys(JSON.parse(readFileSync(process.argv[2], "utf8")).inputs);
const names = [...new Set(inputs.map((path) => path.match(/^node_modules\/([^/]+)/)?.[1]).filter(Boolean))].sort();
const licences = new Map();
for (const name of names) {
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
  const text = readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim();
  licences.set(text, [...(licences.get(text) ?? []), `${name} ${version}`]);
}
const parts = [...licences].map(([text, packages]) => `${packages.join(", ")}\n\n${text}`);
process.stdout.write(`/*!\n${parts.join("\n\n---\n\n")}\n*/\n`);
