// `spyhole serve` beside a container of target.js, as an ephemeral container runs it, and a port of
// this machine that leads to it, as `kubectl port-forward` makes one.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { eventually, programs } from './target.js';

/** @typedef {Awaited<ReturnType<typeof import('./target.js').startTarget>>} Target */

/** @param {Target} target @param {{args?: string[], uid?: string, token?: string}} options */
export async function startServer(target, { args = [], uid = '10001', token = randomBytes(24).toString('base64url') } = {}) {
    const place = join(target.place, `server-${randomBytes(4).toString('hex')}`);
    mkdirSync(place);
    chmodSync(place, 0o777);
    writeFileSync(join(place, 'token'), token, { mode: 0o644 });
    const socket = join(place, 's');
    const words = ['run', '--uid', uid, '--caps', 'none', '--no-new-privs', '--copy', `${join(programs(), 'spyhole')}:/spyhole`,
        '--bind', `${place}:/run`, '--pid', `join:${target.pid}`, '--net', `join:${target.pid}`, '--',
        '/spyhole', 'serve', '--token-file', '/run/token', '--listen', 'unix:/run/s', ...args];
    const child = spawn(join(programs(), 'lab'), words, { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    child.stderr.on('data', piece => { log += piece; });
    await eventually(() => {
        if (child.exitCode !== null) throw new Error(`the server ended: ${log}`);
        return log.includes('listening on');
    }, 'the server');
    return {
        socket, token, log: () => log,
        async stop() {
            const ended = new Promise(resolve => child.on('exit', resolve));
            child.kill('SIGQUIT');
            await ended;
            rmSync(place, { recursive: true, force: true });
        },
    };
}

/** A port that leads to a server, and notes the heads of requests.
 * @param {{socket: string}} server */
export async function forward(server) {
    let to = server.socket;
    /** @type {Set<net.Socket>} */
    const open = new Set();
    let most = 0;
    let heard = '';
    const listener = net.createServer(client => {
        const peer = net.connect(to);
        open.add(client);
        most = Math.max(most, open.size);
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
    return {
        url: `http://127.0.0.1:${port}/`,
        /** @param {{socket: string}} other Where the port leads from now on. */
        lead(other) {
            to = other.socket;
            for (const one of open) one.destroy();
        },
        heard: () => heard,
        /** How many connections there were at once since the last time. */
        most() {
            const was = most;
            most = open.size;
            return was;
        },
        stop() {
            for (const one of open) one.destroy();
            listener.close();
        },
    };
}
