// `spyhole serve` beside a container of target.js, as an ephemeral container runs it, and a port of
// this machine that leads to it, as `kubectl port-forward` makes one.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import { eventually, programs, running } from './target.js';

/** @typedef {Awaited<ReturnType<typeof import('./target.js').startTarget>>} Target */

/** @param {Target} target @param {{args?: string[], uid?: string, token?: string}} options */
export async function startServer(target, { args = [], uid = '10001', token = randomBytes(24).toString('base64url') } = {}) {
    const place = join(target.place, `server-${randomBytes(4).toString('hex')}`);
    mkdirSync(place);
    chmodSync(place, 0o777);
    writeFileSync(join(place, 'token'), token, { mode: 0o644 });
    const socket = join(place, 's');
    const words = ['run', '--uid', uid, '--caps', 'none', '--no-new-privs', '--copy', `${join(programs(), 'spyhole')}:/spyhole`,
        '--bind', `${place}:/run`, '--pidfile', join(place, 'pid'), '--pid', `join:${target.pid}`, '--net', `join:${target.pid}`, '--',
        '/spyhole', 'serve', '--token-file', '/run/token', '--listen', 'unix:/run/s', ...args];
    const child = spawn(join(programs(), 'lab'), words, { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    child.stderr.on('data', piece => { log += piece; });
    await eventually(() => {
        if (child.exitCode !== null) throw new Error(`the server ended: ${log}`);
        return log.includes('listening on');
    }, 'the server');
    const server = {
        socket, token, log: () => log, pid: () => Number(readFileSync(join(place, 'pid'), 'utf8')),
        async stop() {
            if (!running.delete(server.stop)) return;
            const ended = new Promise(resolve => child.on('exit', resolve));
            child.kill('SIGQUIT');
            await ended;
            rmSync(place, { recursive: true, force: true });
        },
    };
    running.add(server.stop);
    return server;
}

/** A port that leads to a server, and notes the heads of requests.
 * @param {{socket: string}} server */
export async function forward(server) {
    let to = server.socket;
    /** @type {Set<net.Socket>} */
    const open = new Set();
    let heard = '';
    const folder = process.env.PAGE_FILES;
    const files = folder ? await serveFolder(folder) : undefined;
    const listener = net.createServer(client => {
        const peer = files ? net.connect(files.port) : net.connect(to);
        if (files) files.to = to;
        open.add(client);
        client.on('data', piece => { heard += piece.toString('latin1'); });
        client.pipe(peer);
        peer.pipe(client);
        for (const [one, other] of [[client, peer], [peer, client]]) {
            one?.on('error', () => other?.destroy());
            one?.on('close', () => { other?.destroy(); open.delete(client); });
        }
    });
    await new Promise(resolve => listener.listen(0, '127.0.0.1', () => resolve(undefined)));
    const { port } = /** @type {net.AddressInfo} */ (listener.address());
    const forwarded = {
        url: `http://127.0.0.1:${port}/`,
        /** @param {{socket: string}} other Where the port leads from now on. */
        lead(other) {
            to = other.socket;
            for (const one of open) one.destroy();
        },
        heard: () => heard,
        stop() {
            running.delete(forwarded.stop);
            for (const one of open) one.destroy();
            listener.close();
            files?.stop();
        },
    };
    running.add(forwarded.stop);
    return forwarded;
}


/** With PAGE_FILES=../../web the page comes from that folder and not out of the program: for those who
 * work on it. @param {string} folder */
async function serveFolder(folder) {
    /** @type {Record<string, string>} */
    const kinds = { html: 'text/html; charset=utf-8', js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' };
    const policy = readFileSync(join(folder, '../src/serve/page.rs'), 'utf8').match(/from_static\(\s*"(default-src[\s\S]*?)",?\s*\)/)?.[1]?.replace(/\\\n\s*/g, '') ?? '';
    const state = { port: 0, to: '', stop: () => { server.close(); server.closeAllConnections(); } };
    const server = http.createServer((request, response) => {
        const path = new URL(request.url ?? '/', 'http://page').pathname;
        const name = path === '/' ? 'index.html' : /^\/web\/([\w.-]+)$/.exec(path)?.[1];
        if (name) {
            response.writeHead(200, { 'content-type': kinds[name.split('.').at(-1) ?? ''] ?? '', 'content-security-policy': policy, 'cache-control': 'no-store' });
            response.end(readFileSync(join(folder, name)));
            return;
        }
        const asked = http.request({ socketPath: state.to, path: request.url, method: request.method, headers: request.headers }, answer => {
            response.writeHead(answer.statusCode ?? 502, answer.headers);
            answer.pipe(response);
        });
        asked.on('error', () => response.destroy());
        request.pipe(asked);
    });
    await new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(undefined)));
    state.port = /** @type {net.AddressInfo} */ (server.address()).port;
    return state;
}
