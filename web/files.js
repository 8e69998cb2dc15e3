// The target's files, where the server was started with --allow-files.

import { Problem } from './api.js';
import { cut, h, save, shown } from './dom.js';
import { bytes, count, moment, words } from './format.js';

/** @typedef {import('./api.js').Doc} Doc */

const SHOWN = 256 << 10;

/** @param {string} path */
const link = path => `#/files/${encodeURIComponent(path)}`;

/** @type {import('./app.js').Show} */
export async function files({ page, get, raw, arg }, turn) {
    if (turn !== 0) return;
    const path = arg.startsWith('/') ? arg : '/';
    /** @type {Doc} */
    let doc;
    try {
        doc = await get('v1/files', { path });
    } catch (error) {
        if (!(error instanceof Problem) || [0, 401].includes(error.status)) throw error;
        page.slot('title', path, () => [h('h1', null, 'Files'), path !== '/' && crumbs(path)]);
        page.slot('refused', error.message, () => h('p', { class: 'refused' }, cut(shown(error.message), 1000)));
        return;
    }
    const { entry, entries, missing = [] } = doc;
    page.slot('title', path, () => [h('h1', null, 'Files'), crumbs(path)]);
    page.slot('missing', missing, () => missing.map((/** @type {any} */ one) => h('p', { class: 'gapline' }, h('span', { class: 'gap' }, '? '), cut(shown(one), 500))));
    if (entries) {
        const base = path.endsWith('/') ? path : `${path}/`;
        page.table('list', {
            caption: `Files in ${cut(shown(path), 100)}`, key: row => row.key, search: row => `${row.name} ${row.kind}`, empty: 'The directory is empty.',
            columns: [
                { id: 'name', title: 'Name', wide: true, value: row => (row.kind === 'directory' ? `\0${row.name}` : row.name), cell: row => [
                    row.plain ? h('a', { class: row.kind, href: link(base + row.bare) }, h('code', null, cut(row.name, 200)), row.kind === 'directory' ? '/' : '') : h('code', null, cut(row.name, 200)),
                    row.target !== undefined && row.target !== null && h('small', null, ` → ${cut(shown(row.target), 100)}`)] },
                { id: 'size', title: 'Size', number: true, value: row => (row.kind === 'file' ? row.size_bytes : undefined), cell: row => (row.kind === 'file' ? bytes(row.size_bytes) : h('small', null, words(row.kind))) },
                { id: 'mode', title: 'Mode', value: row => row.mode, cell: row => h('code', null, row.mode) },
                { id: 'owner', title: 'Owner', rank: 2, value: row => `${shown(row.user ?? row.uid)}:${shown(row.group ?? row.gid)}`, cell: row => cut(`${shown(row.user ?? row.uid)}:${shown(row.group ?? row.gid)}`, 40) },
                { id: 'changed', title: 'Modified', rank: 2, value: row => row.modified_at, cell: row => moment(row.modified_at) },
            ],
            sort: 'name',
        }, entries.map((/** @type {Doc} */ one, /** @type {number} */ index) => {
            const bare = typeof one.path === 'string' ? one.path.slice(one.path.lastIndexOf('/') + 1) : '';
            return { ...one, bare, key: index, name: bare ? shown(bare) : shown(one.path).split('/').at(-1) ?? '', plain: typeof one.path === 'string' && ['directory', 'file', 'link', 'symbolic_link'].includes(one.kind) };
        }));
        return;
    }
    const target = typeof entry.target === 'string' ? entry.target : undefined;
    page.slot('entry', entry, () => h('p', { class: 'note' }, `${words(entry.kind)} · ${bytes(entry.size_bytes)} · ${entry.mode} · ${shown(entry.user ?? entry.uid)}:${shown(entry.group ?? entry.gid)} · modified ${moment(entry.modified_at)}`,
        target !== undefined && [' · leads to ', h('a', { href: link(target.startsWith('/') ? target : `${path.slice(0, path.lastIndexOf('/') + 1)}${target}`) }, h('code', null, cut(shown(target), 200)))]));
    if (entry.kind !== 'file') return;
    const status = h('span', { role: 'status' });
    page.slot('tools', path, () => h('p', { class: 'tools' }, h('button', { type: 'button', 'data-key': 'download', onclick: async () => {
        status.textContent = 'Loading …';
        try {
            save(await (await raw('v1/files/content', { path })).blob(), path.slice(path.lastIndexOf('/') + 1));
            status.textContent = '';
        } catch (error) {
            status.textContent = error instanceof Error ? error.message : String(error);
        }
    } }, 'Download'), ' ', status));
    try {
        const answer = await raw('v1/files/content', { path }, entry.size_bytes > SHOWN ? `bytes=0-${SHOWN - 1}` : undefined);
        const content = new Uint8Array(await answer.arrayBuffer());
        const redactions = Number(answer.headers.get('spyhole-redacted') ?? 0);
        page.slot('content', [content.length, redactions], () => [
            redactions > 0 && h('p', { class: 'note' }, `${count(redactions)} secrets were replaced.`),
            content.length < entry.size_bytes && answer.status === 206 && h('p', { class: 'note' }, `The first ${bytes(content.length)} of ${bytes(entry.size_bytes)}.`),
            view(content)]);
    } catch (error) {
        if (!(error instanceof Problem) || [0, 401].includes(error.status)) throw error;
        page.refused('content', error.message);
    }
}

/** @param {Uint8Array} content */
function view(content) {
    if (!content.length) return h('p', { class: 'nothing' }, 'The file is empty.');
    const text = content.includes(0) ? undefined : new TextDecoder().decode(content);
    const lines = text === undefined ? dump(content.subarray(0, 8192)) : text.replace(/\n$/, '').split('\n').map(line => shown(line.replaceAll('\t', '    ')));
    return h('pre', { class: 'content', tabindex: '0', role: 'region', 'aria-label': 'Content' }, lines.join('\n'));
}

/** @param {Uint8Array} bytesOf */
function dump(bytesOf) {
    const lines = [];
    for (let at = 0; at < bytesOf.length; at += 16) {
        const part = [...bytesOf.subarray(at, at + 16)];
        lines.push(`${at.toString(16).padStart(8, '0')}  ${part.map(byte => byte.toString(16).padStart(2, '0')).join(' ').padEnd(48)} ${part.map(byte => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('')}`);
    }
    return lines;
}

/** @param {string} path */
function crumbs(path) {
    const parts = path.split('/').filter(Boolean);
    return h('nav', { class: 'crumbs', 'aria-label': 'Path' }, h('a', { href: link('/') }, '/'), parts.map((part, index) => [index ? ' / ' : ' ', h('a', { href: link(`/${parts.slice(0, index + 1).join('/')}`) }, cut(shown(part), 100))]).flat());
}
