// Asks Node.js about the corpus.
"use strict";
const child = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const tls = require("node:tls");

const corpus = JSON.parse(fs.readFileSync(process.argv[2]));
const ports = JSON.parse(fs.readFileSync(process.argv[3]));

function pem(name) {
  const lines = corpus.certificates[name].match(/.{1,64}/g).join("\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

function chain(one) {
  return new Promise((resolve) => {
    try {
      const socket = tls.connect({
        host: "127.0.0.1",
        port: ports[one.name],
        servername: /^[0-9.:]+$/.test(one.host) ? "" : one.host,
        ca: one.roots.map(pem),
        checkServerIdentity: (_, certificate) => tls.checkServerIdentity(one.host, certificate),
        timeout: 10000,
      });
      socket.on("secureConnect", () => {
        socket.destroy();
        resolve("accepted");
      });
      socket.on("timeout", () => resolve("refused: timeout"));
      socket.on("error", (error) => {
        const text = error.message.trim().split("\n")[0].replace(/^[0-9A-F]{8,16}:/, "").replace(/:\.\.\/deps.*/, "");
        resolve(`refused: ${error.code}: ${text}`);
      });
    } catch (error) {
      const text = error.message.trim().split("\n")[0].replace(/^[0-9A-F]{8,16}:/, "").replace(/:\.\.\/deps.*/, "");
      resolve(`refused: ${error.code}: ${text}`);
    }
  });
}

async function main() {
  const [chains, bundles] = [{}, {}];
  for (const one of corpus.chains) {
    chains[one.name] = await chain(one);
  }
  if (tls.getCACertificates) {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "trust"));
    const file = path.join(directory, "ca.pem");
    const count = "process.stdout.write(String(require('node:tls').getCACertificates('extra').length))";
    for (const one of corpus.bundles) {
      fs.writeFileSync(file, Buffer.from(one.data, "base64"));
      const env = { ...process.env, NODE_EXTRA_CA_CERTS: file };
      const ran = child.spawnSync(process.execPath, ["-e", count], { env, encoding: "utf8" });
      bundles[one.name] = ran.stdout;
    }
    fs.rmSync(directory, { recursive: true });
  }
  const version = `${process.versions.node}, OpenSSL ${process.versions.openssl}`;
  process.stdout.write(JSON.stringify({ version, chains, bundles }));
}

main();
