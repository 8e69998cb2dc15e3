// Mounts, and how full they are.

import { cut, h, shown } from './dom.js';
import { bytes, count, percent, words } from './format.js';
import { seen, unseen } from './gaps.js';
import { meter } from './chart.js';

/** @typedef {import('./api.js').Doc} Doc */

/** @param {Doc} doc @param {Doc} row */
function use(doc, row) {
    if (row.space === null) return unseen(doc, 'mounts', 'space', row.mount_point);
    if (row.space === undefined) return h('span', { class: 'none' }, '–');
    const { used_bytes: used, size_bytes: size, used_percent: part, inodes_used_percent: inodes } = row.space;
    const label = cut(shown(row.mount_point), 80);
    return h('span', { class: 'metered' }, meter(part ?? (size ? (100 * used) / size : 0), label), h('span', null, `${bytes(used)} of ${bytes(size)}`),
        inodes >= 75 && h('b', { class: 'warn' }, ` inodes ${percent(inodes)}`));
}

/** @type {import('./app.js').Show} */
export async function mounts({ page, get, due }) {
    if (!due('mounts', 6)) return;
    const doc = await get('v1/mounts', { all: true });
    if (!doc.mounts) {
        page.title('Mounts', unseen(doc, 'mounts', 'mounts'));
        return;
    }
    const rows = doc.mounts;
    page.title('Mounts', `${count(rows.length)} mounts; views of the kernel and hidden ones last`);
    page.table('list', {
        caption: 'Mounts', key: row => row.mount_id, search: row => `${shown(row.mount_point)} ${shown(row.source)} ${shown(row.fstype)} ${row.volume?.kind ?? ''} ${shown(row.mount_options)}`,
        rowClass: row => (row.hidden || row.masked || row.volume?.kind === 'kernel' ? 'faint' : ''),
        sort: 'order', empty: 'None.',
        columns: [
            { id: 'point', title: 'Mount point', wide: true, value: row => shown(row.mount_point), also: row => [row.hidden, row.masked, row.stale], cell: row => [h('code', null, cut(shown(row.mount_point), 200)), row.hidden && h('small', null, ' hidden'), row.masked && h('small', null, ' masked'), row.stale && h('b', { class: 'warn' }, ' stale')] },
            { id: 'use', title: 'Used', value: row => row.space?.used_percent, also: row => row.space, cell: row => use(doc, row) },
            { id: 'type', title: 'Type', value: row => shown(row.fstype) },
            { id: 'volume', title: 'Volume', rank: 2, value: row => words(row.volume?.kind ?? ''), also: row => row.volume?.name, cell: row => [words(row.volume?.kind ?? '–'), row.volume?.name && h('code', null, ` ${cut(shown(row.volume.name), 60)}`)] },
            { id: 'write', title: 'Target may write', rank: 2, value: row => row.writable_by_target, also: row => row.writable_because, cell: row => seen(doc, 'mounts', 'writable_by_target', row.writable_by_target, value => h('span', { title: words(row.writable_because ?? '') }, value ? 'yes' : `no${row.writable_because ? ` (${words(row.writable_because)})` : ''}`), row.mount_point) },
            { id: 'source', title: 'Source', rank: 3, value: row => shown(row.source), cell: row => h('code', null, cut(shown(row.source), 80)) },
            { id: 'options', title: 'Options', rank: 3, value: row => shown(row.mount_options), cell: row => h('code', null, cut(shown(row.mount_options), 80)) },
            { id: 'order', title: '#', number: true, rank: 3, value: row => (row.hidden ? 2e6 : row.volume?.kind === 'kernel' || row.masked ? 1e6 : 0) + row.mount_id, cell: row => String(row.mount_id) },
        ],
    }, rows);
    page.unseen([doc], ['mounts']);
}
