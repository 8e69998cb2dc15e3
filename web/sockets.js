// Sockets: what listens, who is connected, and the queues.

import { cut, h, shown } from './dom.js';
import { bytes, count, endpoint, words } from './format.js';
import { noneOf, seen, unseen } from './gaps.js';
import { socketRows } from './processes.js';

/** @typedef {import('./api.js').Doc} Doc */
/** @typedef {import('./table.js').Column} Column */

/** @param {Doc} row */
const localOf = row => (row.local_address !== undefined && row.local_address !== null ? endpoint(row.local_address, row.local_port) : row.path ? shown(row.path) : row.protocol === 'unix' ? '(unnamed)' : row.local_port === undefined ? '*' : String(row.local_port));
/** @param {Doc} row */
const peerOf = row => (row.peer_address !== undefined && row.peer_address !== null ? endpoint(row.peer_address, row.peer_port)
    : row.peer_owners?.length ? row.peer_owners.map((/** @type {Doc} */ one) => `${shown(one.name)} (${one.pid})`).join(', ') : '');

/** @param {Doc} doc @returns {Column[]} */
export function socketColumns(doc) {
    return [
        { id: 'protocol', title: 'Protocol', value: row => row.protocol + (row.family === 'inet6' ? '6' : '') },
        { id: 'state', title: 'State', value: row => words(row.state), cell: row => h('span', { class: `state ${row.state}` }, words(row.state)) },
        { id: 'local', title: 'Local', wide: true, value: localOf, also: row => row.loopback_only,
            cell: row => [h('code', null, cut(localOf(row), 120)), row.loopback_only && h('small', null, ' only loopback')] },
        { id: 'peer', title: 'Peer', value: peerOf, cell: row => h('code', null, cut(peerOf(row), 120) || '–') },
        { id: 'owner', title: 'Process', value: row => (row.owners === null ? null : (row.owners ?? []).map((/** @type {Doc} */ one) => `${shown(one.name)} ${one.pid}`).join(' ')), also: row => row.held_elsewhere, cell: row => ownersOf(doc, row) },
        { id: 'queue', title: 'Queue', number: true, value: row => row.accept_queue ?? ((row.receive_queue_bytes ?? 0) + (row.send_queue_bytes ?? 0)),
            also: row => [row.accept_queue, row.accept_queue_limit, row.receive_queue_bytes, row.send_queue_bytes], cell: row => queueOf(doc, row) },
    ];
}

/** @param {Doc} doc @param {Doc} row */
function ownersOf(doc, row) {
    if (row.owners === null) return unseen(doc, 'sockets', 'owners');
    const owners = row.owners ?? [];
    if (!owners.length) return h('small', null, row.held_elsewhere ? 'outside of this container' : '–');
    return h('span', null, owners.slice(0, 3).map((/** @type {Doc} */ one, /** @type {number} */ index) => [index ? ', ' : '',
        h('a', { href: `#/processes/${one.pid}` }, `${cut(shown(one.name), 20)} ${one.pid}`)]).flat(), owners.length > 3 && ` +${owners.length - 3}`);
}

/** @param {Doc} doc @param {Doc} row */
function queueOf(doc, row) {
    if (row.state === 'listen') {
        return h('span', { class: 'queues' }, seen(doc, 'sockets', 'accept_queue', row.accept_queue, value => queue(value, row.accept_queue_limit ?? undefined, 'waiting for accept', count)),
            row.accept_queue_limit === null && unseen(doc, 'sockets', 'accept_queue_limit'));
    }
    return h('span', { class: 'queues' },
        seen(doc, 'sockets', 'receive_queue_bytes', row.receive_queue_bytes, value => (value ? queue(value, undefined, 'received, not read', bytes, 'in') : false)),
        seen(doc, 'sockets', 'send_queue_bytes', row.send_queue_bytes, value => (value ? queue(value, undefined, 'sent, not acknowledged', bytes, 'out') : false)),
        row.receive_queue_bytes === 0 && row.send_queue_bytes === 0 && '0');
}

/** @param {number} value @param {number | undefined} most @param {string} what @param {(value: number) => string} format @param {string} [way] */
function queue(value, most, what, format, way) {
    // Without a limit: by the power of two, 64 KiB is half of it.
    const part = most ? Math.min(100, (100 * value) / most) : Math.min(100, (Math.log2(value + 1) / 24) * 75);
    const over = most !== undefined && value >= most;
    return h('span', { class: `queue ${over ? 'bad' : most && part > 75 ? 'warn' : ''}`, title: `${format(value)} ${what}${most ? `, at most ${format(most)}` : ''}` },
        h('span', { class: 'track', 'aria-hidden': 'true' }, h('span', { style: { width: `${part.toFixed(0)}%` } })),
        `${way === 'in' ? '↓ ' : way === 'out' ? '↑ ' : ''}${format(value)}${most ? `/${format(most)}` : ''}`, over && h('b', null, ' full'));
}

/** @type {import('./app.js').Show} */
export async function sockets({ page, get }) {
    const doc = await get('v1/sockets', { all_states: true });
    if (!doc.sockets) {
        page.title('Sockets', unseen(doc, 'sockets', 'sockets'));
        return;
    }
    const rows = socketRows(doc);
    const listeners = rows.filter(row => row.state === 'listen' || (row.protocol === 'udp' && row.peer_address === undefined));
    const others = rows.filter(row => !listeners.includes(row));
    const byPort = new Map(listeners.map(row => [`${row.protocol} ${row.local_port}`, row]));
    /** @type {Map<string, {name: string, many: number, states: Map<string, number>, queued: number, way: string}>} */
    const groups = new Map();
    for (const row of others) {
        if (row.peer_address === undefined || row.peer_address === null) continue;
        const inbound = byPort.has(`${row.protocol} ${row.local_port}`);
        const name = inbound ? `:${row.local_port} ← ${row.peer_address}` : `→ ${endpoint(row.peer_address, row.peer_port)}`;
        const group = groups.get(name) ?? { name, many: 0, states: new Map(), queued: 0, way: inbound ? 'in' : 'out' };
        group.many += 1;
        group.states.set(row.state, (group.states.get(row.state) ?? 0) + 1);
        group.queued += (row.receive_queue_bytes ?? 0) + (row.send_queue_bytes ?? 0);
        groups.set(name, group);
    }
    page.title('Sockets', `${count(listeners.length)} listening, ${count(others.length)} others`);
    page.slot('h-listeners', 1, () => h('h2', null, 'Listeners'));
    page.table('listeners', { caption: 'Listeners', key: row => row.key, columns: socketColumns(doc).filter(one => one.id !== 'peer') }, listeners, noneOf(doc, 'sockets', 'Nothing listens.'));
    page.slot('h-peers', 1, () => h('h2', null, 'Connections by peer'));
    const most = Math.max(1, ...[...groups.values()].map(group => group.many));
    page.table('peers', {
        caption: 'Connections by peer', key: row => row.name, sort: '-many',
        columns: [
            { id: 'name', title: 'Listener and peer', wide: true, value: row => row.name, cell: row => h('code', null, row.name) },
            { id: 'many', title: 'Connections', number: true, value: row => row.many, also: () => most, cell: row => h('span', { class: 'queue' }, h('span', { class: 'track', 'aria-hidden': 'true' }, h('span', { style: { width: `${((100 * row.many) / most).toFixed(0)}%` } })), count(row.many)) },
            { id: 'states', title: 'States', rank: 2, value: row => [...row.states].map(([state, many]) => `${words(state)} ${many}`).join(', ') },
            { id: 'queued', title: 'In queues', number: true, value: row => row.queued, cell: row => bytes(row.queued) },
        ],
    }, [...groups.values()], noneOf(doc, 'sockets', 'No connection has a peer.'));
    page.slot('h-all', 1, () => h('h2', null, 'All others'));
    page.table('all', { caption: 'Sockets that do not listen', key: row => row.key, search: row => row.text, columns: socketColumns(doc) }, others, noneOf(doc, 'sockets', 'None.'));
    page.unseen([doc], ['sockets', 'socket_sources']);
}
