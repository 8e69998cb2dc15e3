// The containers that the page looks at in its tests and pictures, each in namespaces of its own.
import { spawn, execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../../..');

/** The directory of the programs: BIN, or the debug build. */
export function programs() {
    if (process.env.BIN) return process.env.BIN;
    const host = /^host: (.*)$/m.exec(execFileSync('rustc', ['-vV'], { encoding: 'utf8' }))?.[1];
    return join(root, 'target', String(host), 'debug');
}

/** What runs, newest last, and how it is ended. @type {Set<() => Promise<void> | void>} */
export const running = new Set();

/** Ends what runs, also after a test that failed. */
export async function stopAll() {
    for (const stop of [...running].reverse()) await stop();
}

/** @param {() => any} look @param {string} what */
export async function eventually(look, what, seconds = 60) {
    const end = Date.now() + seconds * 1000;
    for (;;) {
        const seen = await look();
        if (seen) return seen;
        if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
        await new Promise(resolve => setTimeout(resolve, 30));
    }
}

/** A certificate authority, what it signed, and what has replaced that.
 * @param {string} at @param {string} subject */
function certificates(at, subject) {
    const run = (/** @type {string[]} */ ...words) => execFileSync('openssl', words, { cwd: at, stdio: 'pipe' });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    run('req', '-x509', ...key, '-subj', '/O=Shop/CN=Shop Root CA', '-days', '3650', '-keyout', 'ca.key', '-out', 'ca.crt');
    run('req', '-x509', '-CA', 'ca.crt', '-CAkey', 'ca.key', ...key, '-subj', '/O=Shop/CN=Shop Issuing CA 2',
        '-addext', 'basicConstraints=critical,CA:TRUE,pathlen:0', '-days', '900', '-keyout', 'int.key', '-out', 'int.crt');
    const leaf = (/** @type {string} */ name, /** @type {string} */ cn, /** @type {string} */ days) =>
        run('req', '-x509', '-CA', 'int.crt', '-CAkey', 'int.key', ...key, '-utf8', '-subj', `/CN=${cn}`,
            '-addext', `subjectAltName=DNS:${name === 'mail' ? 'mail.shop.example' : 'shop.example,DNS:*.shop.example'}`, '-addext', 'basicConstraints=CA:FALSE',
            '-days', days, '-keyout', `${name}.key`, '-out', `${name}.crt`);
    leaf('old', subject, '6');
    leaf('new', subject, '90');
    leaf('mail', 'mail.shop.example', '21');
}

/**
 * Starts a container.
 * @param {{files?: number, workers?: number, args?: string[], env?: Record<string, string>, subject?: string,
 *   program?: string, cgroup?: boolean, fill?: number, nofile?: number, names?: Record<string, string>}} options
 */
export async function startTarget(options = {}) {
    const place = mkdtempSync(join(tmpdir(), 'page-target-'));
    const at = (/** @type {string[]} */ ...below) => join(place, ...below);
    for (const name of ['root', 'root/etc', 'root/app', 'certs', 'tmp', 'data', 'made']) mkdirSync(at(name));
    chmodSync(at('tmp'), 0o1777);
    for (const link of ['bin', 'lib', 'lib64', 'sbin']) symlinkSync(`usr/${link}`, at('root', link));
    writeFileSync(at('root/etc/passwd'), 'root:x:0:0:root:/root:/sbin/nologin\nshop:x:10001:10001::/tmp:/sbin/nologin\n');
    writeFileSync(at('root/etc/group'), 'root:x:0:\nshop:x:10001:\n');
    writeFileSync(at('root/etc/hosts'), '127.0.0.1 localhost\n10.42.0.17 shop-7d9f8b5c44-x2k4q\n');
    writeFileSync(at('root/etc/resolv.conf'), 'nameserver 10.43.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n');
    writeFileSync(at('root/app/app.py'), readFileSync(join(here, options.program ?? 'app.py')));
    writeFileSync(at('root/app/config.yaml'), 'listen: 0.0.0.0:8080\ncache:\n  size: 128\n  ttl: 30s\npassword: hunter2-and-more\n');
    writeFileSync(at('data/orders.log'), 'order 1 paid\n'.repeat(4000));
    for (const [name, content] of Object.entries(options.names ?? {})) writeFileSync(at('data', name), content);
    certificates(at('made'), options.subject ?? 'shop.example');
    const chain = (/** @type {string} */ name) => readFileSync(at('made', name + '.crt'), 'utf8') + readFileSync(at('made/int.crt'), 'utf8');
    const install = (/** @type {string} */ name, /** @type {string} */ as) => {
        writeFileSync(at('certs', `${as}.crt`), chain(name));
        writeFileSync(at('certs', `${as}.key`), readFileSync(at('made', name + '.key')));
    };
    install('old', 'tls');
    install('mail', 'mail');
    writeFileSync(at('certs/ca.crt'), readFileSync(at('made/ca.crt')));
    const mounted = options.fill !== undefined;
    if (mounted) {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m,mode=1777', 'data', at('data')]);
        writeFileSync(at('data/images.bin'), Buffer.alloc((options.fill ?? 0) * (32 << 20)));
        writeFileSync(at('data/orders.log'), 'order 1 paid\n'.repeat(4000));
    }
    const env = {
        PATH: '/usr/bin:/bin', HOME: '/tmp', LOG_LEVEL: 'info', SSL_CERT_FILE: '/certs/ca.crt', SHOP_CURRENCY: 'EUR',
        TLS_CERT: '/certs/tls.crt', MAIL_TLS_CERT: '/certs/mail.crt',
        DATABASE_URL: 'postgres://shop:hunter2@db.shop.svc:5432/shop', API_TOKEN: 'tok' + 'en-demo-4f1b9c2e7d',
        WORKERS: String(options.workers ?? 6), ...options.env,
    };
    const words = ['run', '--pidfile', at('pid'), '--uid', '10001', '--caps', 'none', '--no-new-privs',
        '--seccomp', 'default-like', '--hostname', 'shop-7d9f8b5c44-x2k4q'];
    for (const name of ['etc', 'app', 'bin', 'lib', 'lib64', 'sbin']) words.push('--copy', `${at('root', name)}:/${name}`);
    for (const pair of ['/usr:/usr:ro', '/sys/fs/cgroup:/sys/fs/cgroup:ro', `${at('tmp')}:/tmp`, `${at('certs')}:/certs:ro`, `${at('data')}:/data`]) {
        words.push('--bind', pair);
    }
    for (const [name, value] of Object.entries(env)) words.push('--env', `${name}=${value}`);
    words.push('--', '/usr/bin/python3', '/app/app.py', String(options.files ?? 40), ...(options.args ?? []));
    const limit = String(options.nofile ?? 256);
    /** @type {string[]} */
    const groups = [];
    if (options.cgroup) {
        for (const [controller, settings] of /** @type {const} */ ([
            ['memory', { 'memory.limit_in_bytes': String(220 << 20) }],
            ['cpu', { 'cpu.cfs_period_us': '100000', 'cpu.cfs_quota_us': '60000' }],
            ['cpuacct', {}], ['pids', { 'pids.max': '64' }],
        ])) {
            const group = `/sys/fs/cgroup/${controller}/page-shop-${process.pid}`;
            if (!existsSync(dirname(group))) continue;
            mkdirSync(group);
            groups.push(group);
            for (const [file, value] of Object.entries(settings)) writeFileSync(join(group, file), value);
        }
    }
    const joined = groups.map(group => `echo $$ > ${group}/cgroup.procs`).join(' && ') || ':';
    const child = spawn('sh', ['-c', `${joined} && exec prlimit --nofile=${limit}:${limit} "$0" "$@"`, join(programs(), 'lab'), ...words],
        { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let said = '';
    child.stdout.on('data', piece => { said += piece; });
    child.stderr.on('data', piece => { said += piece; });
    await eventually(() => {
        if (child.exitCode !== null) throw new Error(`the container ended: ${said}`);
        return said.includes('ready');
    }, 'the container');
    const pid = Number(readFileSync(at('pid'), 'utf8'));
    // Rotated on disk, and not reloaded: what is served is what was there before.
    install('new', 'tls');
    const target = {
        pid, place, said: () => said,
        async stop() {
            if (!running.delete(target.stop)) return;
            const ended = new Promise(resolve => child.on('exit', resolve));
            child.kill('SIGQUIT');
            await ended;
            if (mounted) execFileSync('umount', [at('data')]);
            for (const group of groups) {
                await eventually(() => { try { rmSync(group, { recursive: false, force: true }); } catch { /* below */ }
                    try { execFileSync('rmdir', [group], { stdio: 'pipe' }); } catch { /* still leaving */ } return !existsSync(group); }, group);
            }
            rmSync(place, { recursive: true, force: true });
        },
    };
    running.add(target.stop);
    return target;
}
