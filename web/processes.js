// Processes: the tree, and a page for each.

import { cut, facts, h, long, shown } from './dom.js';
import { bytes, count, duration, limit, moment, percent, since, words } from './format.js';
import { noneOf, seen, unseen } from './gaps.js';
import { putRate } from './history.js';
import { meter } from './chart.js';
import { Problem } from './api.js';
import { socketColumns } from './sockets.js';
import { variableColumns } from './environment.js';

/** @typedef {import('./api.js').Doc} Doc */

/** @param {Doc} process */
export function commandOf(process) {
    const { args, comm } = process;
    if (!args?.length) return `[${shown(comm)}]`;
    return args.map((/** @type {any} */ arg) => shown(arg?.text ?? arg)).join(' ');
}

/** The order of a tree, each with its depth; whose parent is not seen is at the top.
 * @param {Doc[]} processes */
function treeOf(processes) {
    const pids = new Set(processes.map(one => one.pid));
    /** @type {Map<number, Doc[]>} */
    const children = new Map();
    for (const one of processes) {
        const parent = pids.has(one.ppid) && one.ppid !== one.pid ? one.ppid : 0;
        const siblings = children.get(parent);
        if (siblings) siblings.push(one);
        else children.set(parent, [one]);
    }
    /** @type {Doc[]} */
    const ordered = [];
    const waiting = (children.get(0) ?? []).map(one => ({ one, depth: 0 })).reverse();
    while (waiting.length) {
        const next = waiting.pop();
        if (!next) break;
        ordered.push({ ...next.one, depth: next.depth });
        for (const child of (children.get(next.one.pid) ?? []).toReversed()) waiting.push({ one: child, depth: next.depth + 1 });
    }
    return ordered;
}

let inTree = true;

/** @type {import('./app.js').Show} */
export async function processes(context) {
    if (context.arg) return onePid(context);
    const { page, get } = context;
    const doc = await get('v1/processes');
    const at = Date.parse(doc.taken_at);
    if (!doc.processes) {
        page.title('Processes', unseen(doc, 'processes', 'processes'));
        return;
    }
    const rows = treeOf(doc.processes).map(one => ({ ...one, doc, order: 0, now: cpuNow(one, at) }));
    rows.forEach((one, index) => { one.order = index; });
    page.title('Processes', `${count(rows.length)} of ${shown(doc.target.container ?? doc.target.comm)}`);
    page.table('list', {
        caption: 'Processes',
        key: row => row.pid,
        search: row => `${row.pid} ${shown(row.user)} ${row.state} ${shown(row.comm)} ${commandOf(row)}`,
        rowClass: row => (row.zombie ? 'faint' : row.pid === row.doc.target.pid ? 'own' : ''),
        onsort: sorted => { inTree = !sorted; },
        columns: [
            { id: 'pid', title: 'PID', number: true, value: row => row.pid, cell: row => h('a', { href: `#/processes/${row.pid}` }, String(row.pid)) },
            { id: 'user', title: 'User', rank: 2, value: row => shown(row.user ?? row.uid), cell: row => cut(shown(row.user ?? row.uid), 24) },
            {
                id: 'command', title: 'Command', wide: true, value: row => commandOf(row), also: row => (inTree ? row.depth : 0),
                cell: row => h('span', { class: 'branch', style: { '--depth': String(inTree ? Math.min(row.depth, 12) : 0) } },
                    inTree && row.depth > 0 && h('span', { class: 'twig', 'aria-hidden': 'true' }, '└ '),
                    h('b', null, cut(shown(row.comm), 40)), ' ', row.args === null ? unseen(row.doc, 'processes', 'args', row.pid)
                        : h('code', { title: cut(commandOf(row), 1000) }, row.zombie ? '(ended, not reaped)' : cut(commandOf(row), 300))),
            },
            { id: 'state', title: 'State', rank: 2, value: row => row.state, cell: row => h('span', { class: `state ${row.state}` }, words(row.state)) },
            { id: 'cpu', title: 'CPU', number: true, value: row => row.now ?? row.cpu_percent, cell: row => seen(row.doc, 'processes', 'cpu_percent', row.now ?? row.cpu_percent, percent, row.pid) },
            { id: 'rss', title: 'Memory', number: true, value: row => row.rss_bytes, cell: row => seen(row.doc, 'processes', 'rss_bytes', row.rss_bytes, bytes, row.pid) },
            {
                id: 'files', title: 'Files', number: true, rank: 2, value: row => row.fd_count, also: row => row.fd_limit?.soft,
                cell: row => seen(row.doc, 'processes', 'fd_count', row.fd_count, value => (typeof row.fd_limit?.soft === 'number' && value / row.fd_limit.soft > 0.75
                    ? h('b', { class: 'warn', title: `of ${row.fd_limit.soft}` }, count(value)) : count(value)), row.pid),
            },
            { id: 'threads', title: 'Threads', number: true, rank: 3, value: row => row.threads },
            { id: 'start', title: 'Running for', number: true, rank: 3, value: row => (row.started_at ? Math.round((Date.parse(row.doc.taken_at) - Date.parse(row.started_at)) / 10_000) * 10 : row.started_at), cell: row => seen(row.doc, 'processes', 'started_at', row.started_at, value => since(value, row.doc.taken_at), row.pid) },
        ],
        empty: 'No process is visible.',
    }, rows);
    page.unseen([doc], ['processes']);
}

/** Percent of one processor since the last look. @param {Doc} one @param {number} at */
function cpuNow(one, at) {
    const { cpu_seconds: used } = one;
    if (!used) return undefined;
    const rate = putRate(`pid ${one.pid} ${one.started_at}`, at, used.user + used.system);
    return rate === undefined ? undefined : Math.round(rate * 1000) / 10;
}

/** @param {import('./app.js').Context} context */
async function onePid({ page, get, arg, gone, due }) {
    const pid = Number(arg);
    const back = () => h('p', { class: 'back' }, h('a', { href: '#/processes' }, '← All processes'));
    if (!Number.isInteger(pid) || pid < 1) {
        page.slot('title', arg, () => [back(), h('h1', null, 'No such process')]);
        return;
    }
    const doc = await get('v1/processes', { pids: pid, details: true, threads: true });
    const one = (doc.processes ?? []).find((/** @type {Doc} */ process) => process.pid === pid);
    if (!one) {
        page.slot('title', 'gone', () => [back(), h('h1', null, `Process ${pid}`), h('p', { class: 'refused' }, 'It has ended, or is in another container.')]);
        return;
    }
    page.slot('title', [one.comm, one.pid], () => [back(), h('h1', null, cut(shown(one.comm), 60), ' ', h('small', null, `pid ${pid}`))]);
    const d = one.details ?? {};
    const at = Date.parse(doc.taken_at);
    const now = cpuNow(one, at) ?? one.cpu_percent;
    const of = (/** @type {string} */ field, /** @type {any} */ value, /** @type {(value: any) => import('./dom.js').Child} */ format = shown) => seen(doc, 'processes', field, value, format, pid);
    page.slot('facts', [one, now], () => [
        one.args === null ? h('p', null, unseen(doc, 'processes', 'args', pid)) : h('div', { class: 'args' }, long((one.args ?? []).map((/** @type {any} */ arg) => shown(arg?.text ?? arg)).join(' ') || `[${shown(one.comm)}]`)),
        facts([
            ['parent', one.ppid ? h('a', { href: `#/processes/${one.ppid}` }, String(one.ppid)) : 'outside of what is visible'],
            ['user', `${one.user ? shown(one.user) : ''} ${one.uid}:${one.gid}`],
            ['state', [words(one.state), d.wait_channel && h('small', null, ` in ${shown(d.wait_channel)}`)]],
            ['started', of('started_at', one.started_at, moment)],
            ['CPU', of('cpu_percent', now, percent)],
            ['memory', [of('rss_bytes', one.rss_bytes, bytes), one.swap_bytes ? ` + ${bytes(one.swap_bytes)} swapped` : '']],
            ['virtual', of('virtual_bytes', one.virtual_bytes, bytes)],
            ['threads', String(one.threads)],
            ['program', of('exe', one.exe, value => h('span', null, h('code', null, cut(shown(value), 300)), one.exe_deleted && h('b', { class: 'warn' }, ' removed or replaced since')))],
            ['directory', of('cwd', one.cwd, value => h('code', null, cut(shown(value), 300)))],
            ['nice', String(one.nice)],
            ['OOM score', of('oom_score', one.oom_score, String)],
            ['scheduling', d.scheduling && `${d.scheduling.policy} ${d.scheduling.priority}`],
            ['CPUs', d.cpus_allowed],
            ['read, written', d.io && d.io.read_bytes !== undefined && `${bytes(d.io.read_bytes)}, ${bytes(d.io.written_bytes ?? 0)}`],
            ['ids in namespaces', one.namespace_pids?.join(' → ')],
            ['namespaces', d.other_namespaces === null ? of('details.other_namespaces', null) : d.other_namespaces === undefined ? undefined : d.other_namespaces.length ? `not with spyhole in: ${d.other_namespaces.join(', ')}` : 'all shared with spyhole'],
            ['handles signals', one.signals === null ? of('signals', null) : one.signals?.caught?.join(' ')],
            ['ignores', one.signals?.ignored?.join(' ')],
        ])]);
    if (!due('parts', 10)) return;
    await part('Sockets', 'sockets', async () => {
        const found = await get('v1/sockets', { owner: pid, all_states: true });
        page.table('sockets', { caption: 'Sockets', key: row => row.key, search: row => row.text, columns: socketColumns(found) }, socketRows(found), noneOf(found, 'sockets', 'It holds no socket.'));
        return found;
    }, ['sockets']);
    await part('Files', 'files', async () => {
        const found = await get('v1/open_files', { pids: pid });
        page.table('files', {
            caption: 'Open files', key: row => row.key, search: row => `${row.fd ?? ''} ${row.type} ${shown(row.path ?? row.name)}`,
            columns: [
                { id: 'fd', title: 'FD', number: true, value: row => row.fd, cell: row => (row.fd === undefined ? h('small', null, words(row.opened_as)) : String(row.fd)) },
                { id: 'type', title: 'Type', value: row => row.type, cell: row => seen(found, 'open_files', 'type', row.type, words, pid) },
                { id: 'name', title: 'Name', wide: true, value: row => shown(row.path ?? row.name), also: row => row.deleted, cell: row => [row.path === null ? unseen(found, 'open_files', 'path', pid) : h('code', null, cut(shown(row.path ?? row.name) || '–', 300)), row.deleted && h('b', { class: 'warn' }, ' deleted')] },
                { id: 'access', title: 'Access', rank: 2, value: row => words(row.access ?? '') },
                { id: 'size', title: 'Size', number: true, rank: 2, value: row => row.size_bytes, cell: row => seen(found, 'open_files', 'size_bytes', row.size_bytes, bytes, pid) },
            ],
        }, (found.open_files?.files ?? []).map((/** @type {Doc} */ file, /** @type {number} */ index) => ({ ...file, key: `${file.opened_as}${file.fd ?? file.path ?? index}` })), noneOf(found, 'open_files', 'It has no file open.'));
        return found;
    }, ['open_files']);
    await part('Limits', 'limits', async () => {
        const found = await get('v1/resources', { pid });
        page.table('limits', {
            caption: 'Limits', key: row => row.resource, wrap: true,
            columns: [
                { id: 'resource', title: 'Limit', value: row => words(row.resource) },
                { id: 'used', title: 'Used', number: true, value: row => row.used, cell: row => seen(found, 'resources', 'limits.used', row.used, value => limit(value, row.unit)) },
                { id: 'percent', title: 'Part', value: row => row.used_percent, cell: row => (row.used_percent === undefined ? '–' : h('span', { class: 'metered' }, meter(row.used_percent, words(row.resource)), ` ${percent(row.used_percent)}`)) },
                { id: 'soft', title: 'Soft', number: true, value: row => row.soft, cell: row => limit(row.soft, row.unit) },
                { id: 'hard', title: 'Hard', number: true, rank: 2, value: row => row.hard, cell: row => limit(row.hard, row.unit) },
            ],
        }, found.resources?.limits ?? [], noneOf(found, 'resources', 'None.'));
        return found;
    }, ['resources']);
    await part('Environment', 'environment', async () => {
        const found = await get('v1/environment', { pid, all_vars: true });
        const variables = found.environment?.[0]?.variables;
        page.table('environment', { caption: 'Environment', key: row => row.key, search: row => shown(row.name), columns: variableColumns(found), wrap: true }, (variables ?? []).map((/** @type {Doc} */ one, /** @type {number} */ index) => ({ ...one, key: index })), noneOf(found, 'environment', 'It has no environment.'));
        return found;
    }, ['environment']);
    if (one.thread_list?.length > 1) {
        await part('Threads', 'threads', async () => {
            page.table('threads', { caption: 'Threads', key: row => row.tid, empty: 'None.', search: row => `${row.tid} ${shown(row.comm)}`, columns: [
                { id: 'tid', title: 'TID', number: true, value: row => row.tid },
                { id: 'comm', title: 'Name', value: row => shown(row.comm), wide: true },
                { id: 'state', title: 'State', value: row => words(row.state) },
                { id: 'cpu', title: 'CPU time', number: true, value: row => (row.cpu_seconds ? row.cpu_seconds.user + row.cpu_seconds.system : null), cell: row => seen(doc, 'processes', 'thread_list.cpu_seconds', row.cpu_seconds, value => duration(value.user + value.system), pid) },
            ] }, one.thread_list);
            return doc;
        }, []);
    }

    /** @param {string} title @param {string} name @param {() => Promise<Doc>} show @param {string[]} sections */
    async function part(title, name, show, sections) {
        if (gone()) return;
        page.slot(`h-${name}`, title, () => h('h2', null, title));
        page.part(name, 'section');
        page.part(`gaps-${name}`, 'section');
        try {
            const found = await show();
            const gaps = (found.gaps ?? []).filter((/** @type {Doc} */ gap) => sections.includes(gap.section) && (gap.subjects.includes(pid) || gap.subjects.length === 0 || typeof gap.subjects[0] !== 'number'));
            page.slot(`gaps-${name}`, gaps, () => gaps.map((/** @type {Doc} */ gap) => h('p', { class: 'gapline' }, unseen(found, gap.section, gap.field, pid), ' ', h('code', null, gap.field), gap.needs && ` – needs ${shown(gap.needs)}`)));
        } catch (error) {
            if (!(error instanceof Problem) || [0, 401].includes(error.status)) throw error;
            const detail = error.message;
            page.slot(`gaps-${name}`, detail, () => h('p', { class: 'refused' }, detail));
        }
    }
}

/** @param {Doc} doc @returns {Doc[]} */
export function socketRows(doc) {
    return (doc.sockets ?? []).map((/** @type {Doc} */ one, /** @type {number} */ index) => ({
        ...one,
        key: one.inode ? `${one.protocol}${one.inode}` : `${one.protocol}${one.local_address}:${one.local_port}>${one.peer_address}:${one.peer_port}#${one.inode ?? index}`,
        text: `${one.protocol} ${one.state} ${one.local_address ?? ''}:${one.local_port ?? ''} ${one.peer_address ?? ''}:${one.peer_port ?? ''} ${shown(one.path)} ${(one.owners ?? []).map((/** @type {Doc} */ owner) => `${shown(owner.name)} ${owner.pid}`).join(' ')}`,
    }));
}
