// Memory, CPU, processes and I/O against their limits, with what they were in the last 15 minutes.

import { cut, h, shown } from './dom.js';
import { bytes, cores, count, duration, limit, percent, words } from './format.js';
import { seen, unseen } from './gaps.js';
import { chart, meter } from './chart.js';
import * as history from './history.js';
import { Problem } from './api.js';

/** @typedef {import('./api.js').Doc} Doc */
/** @typedef {import('./dom.js').Child} Child */

/** @type {import('./app.js').Show} */
export async function resources({ page, get }) {
    const doc = await get('v1/resources');
    const { memory, cpu, pids, io, limits } = doc.resources;
    page.title('Resources', 'Used, of what the container may use. The charts begin when this page is opened, and keep 15 minutes.');
    page.slot('meters', [memory, cpu, pids], () => h('div', { class: 'cards' },
        card(doc, 'Memory', 'memory', memory, () => [
            big(doc, 'memory.current_bytes', memory.current_bytes, bytes, memory.limit_bytes, bytes, memory.used_percent, 'Memory'),
            rows([
                ['working set', field(doc, 'memory.working_set_bytes', memory.working_set_bytes, bytes)], ['anonymous', field(doc, 'memory.anonymous_bytes', memory.anonymous_bytes, bytes)],
                ['cache', field(doc, 'memory.cache_bytes', memory.cache_bytes, bytes)], ['kernel', field(doc, 'memory.kernel_bytes', memory.kernel_bytes, bytes)],
                ['peak', field(doc, 'memory.peak_bytes', memory.peak_bytes, bytes)], ['swap', field(doc, 'memory.swap_current_bytes', memory.swap_current_bytes, bytes)],
                ['OOM kills', field(doc, 'memory.oom_kills', memory.oom_kills, value => (value ? h('b', { class: 'warn' }, count(value)) : '0'))],
                ['pressure', pressure(doc, 'memory', memory.pressure)],
            ])]),
        card(doc, 'CPU', 'cpu', cpu, () => {
            const used = history.line('cpu').at(-1)?.[1];
            const share = typeof cpu.limit_cores === 'number' && used !== undefined ? (100 * used) / cpu.limit_cores : undefined;
            return [big(doc, 'cpu.used_cores', used, value => `${cores(value)} cores`, cpu.limit_cores, value => String(value), share, 'CPU'),
                rows([
                    ['throttled', cpu.periods ? field(doc, 'cpu.throttled_periods', cpu.throttled_periods, value => `${percent((100 * value) / cpu.periods)} of periods`) : '–'],
                    ['waited for that', field(doc, 'cpu.throttled_seconds', cpu.throttled_seconds, duration)],
                    ['user', field(doc, 'cpu.user_seconds', cpu.user_seconds, duration)], ['system', field(doc, 'cpu.system_seconds', cpu.system_seconds, duration)],
                    ['weight', field(doc, 'cpu.weight', cpu.weight, count)], ['pressure', pressure(doc, 'cpu', cpu.pressure)],
                ])];
        }),
        card(doc, 'Processes and threads', 'pids', pids, () => [
            big(doc, 'pids.current', pids.current, count, pids.limit, count, pids.used_percent, 'Processes and threads'),
            rows([['peak', field(doc, 'pids.peak', pids.peak, count)], ['forks refused', field(doc, 'pids.fork_failures', pids.fork_failures, count)]])]),
    ));
    /** @type {Doc | undefined} */
    let unit;
    try {
        unit = await get('v1/network', { interfaces: true });
    } catch (error) {
        if (!(error instanceof Problem) || [0, 401].includes(error.status)) throw error;
    }
    const now = Date.parse(doc.taken_at);
    const numberOf = (/** @type {any} */ value) => (typeof value === 'number' ? value : undefined);
    page.slot('charts', doc.taken_at, () => h('div', { class: 'charts' },
        memory ? chart({ title: 'Memory', now, format: bytes, limit: numberOf(memory.limit_bytes), lines: [{ name: 'current', points: history.line('memory') }, { name: 'working set', points: history.line('working') }] }) : missing(doc, 'Memory', 'memory'),
        cpu ? chart({ title: 'CPU', now, format: value => `${cores(value)} cores`, limit: numberOf(cpu.limit_cores), lines: [{ name: 'used', points: history.line('cpu') }] }) : missing(doc, 'CPU', 'cpu'),
        cpu && chart({ title: 'Throttled', now, format: value => `${Math.round(value * 1000)} ms/s`, lines: [{ name: 'waiting', points: history.line('throttled') }] }),
        pids ? chart({ title: 'Processes and threads', now, format: value => count(Math.round(value)), limit: numberOf(pids.limit), lines: [{ name: 'current', points: history.line('pids') }] }) : missing(doc, 'Processes and threads', 'pids'),
        chart({ title: 'Open files of the main process', now, format: value => count(Math.round(value)), limit: numberOf(limits?.find((/** @type {Doc} */ one) => one.resource === 'open_files')?.soft), lines: [{ name: 'open', points: history.line('files') }] }),
        unit && chart({ title: 'Network', now, format: value => `${bytes(value)}/s`, lines: [{ name: 'received', points: history.line('received') }, { name: 'sent', points: history.line('sent') }] }),
        io && chart({ title: 'Disks', now, format: value => `${bytes(value)}/s`, lines: [{ name: 'read', points: history.line('read') }, { name: 'written', points: history.line('written') }] }),
    ));
    page.slot('h-limits', 1, () => h('h2', null, 'Limits of the main process'));
    page.table('limits', {
        caption: 'Limits of the main process', key: row => row.resource, wrap: true, empty: 'Not readable.',
        columns: [
            { id: 'resource', title: 'Limit', value: row => words(row.resource) },
            { id: 'used', title: 'Used', number: true, value: row => row.used, cell: row => seen(doc, 'resources', 'limits.used', row.used, value => limit(value, row.unit)) },
            { id: 'percent', title: 'Part', value: row => row.used_percent, cell: row => (row.used_percent === undefined ? '–' : h('span', { class: 'metered' }, meter(row.used_percent, words(row.resource)), ` ${percent(row.used_percent)}`)) },
            { id: 'soft', title: 'Soft', number: true, value: row => row.soft, cell: row => limit(row.soft, row.unit) },
            { id: 'hard', title: 'Hard', number: true, rank: 2, value: row => row.hard, cell: row => limit(row.hard, row.unit) },
        ],
    }, limits ?? []);
    page.unseen([doc], ['resources']);
}

/** @param {Doc} doc @param {string} title @param {string} name */
function missing(doc, title, name) {
    return h('figure', { class: 'chart' }, h('figcaption', null, h('b', null, title)), h('div', { class: 'plot absent' }, unseen(doc, 'resources', name)));
}

/** @param {Doc} doc @param {string} title @param {string} name @param {any} value @param {() => Child[]} build */
function card(doc, title, name, value, build) {
    return h('div', { class: 'card' }, h('h2', null, title), value === null ? h('p', null, unseen(doc, 'resources', name)) : value === undefined ? h('p', { class: 'note' }, 'does not apply') : build(),
        value?.cgroup && h('p', { class: 'from' }, cut(shown(value.cgroup), 100)));
}

/** @param {Doc} doc @param {string} name @param {any} value @param {(value: any) => Child} format */
const field = (doc, name, value, format) => (value === undefined ? undefined : seen(doc, 'resources', name, value, format));

/** @param {[string, Child | undefined][]} pairs */
const rows = pairs => h('dl', { class: 'small' }, pairs.filter(([, value]) => value !== undefined).map(([name, value]) => h('div', null, h('dt', null, name), h('dd', null, value))));

/** @param {Doc} doc @param {string} name @param {any} value @param {(value: any) => string} format @param {any} most
 * @param {(value: any) => string} formatMost @param {number | undefined} part @param {string} label */
function big(doc, name, value, format, most, formatMost, part, label) {
    return h('div', { class: 'big' },
        h('p', null, h('strong', null, value === undefined ? '…' : seen(doc, 'resources', name, value, format)), ' ',
            h('span', null, most === undefined ? '' : most === null ? unseen(doc, 'resources', `${name.split('.')[0]}.limit`) : most === 'unlimited' ? 'no limit' : `of ${formatMost(most)}`),
            part !== undefined && h('span', { class: 'part' }, percent(part))),
        part !== undefined && meter(part, label));
}

/** @param {Doc} doc @param {string} name @param {any} value @returns {Child | undefined} */
function pressure(doc, name, value) {
    if (value === undefined) return undefined;
    return seen(doc, 'resources', `${name}.pressure`, value, one => `${percent(one.some.avg10_percent)} some${one.full ? `, ${percent(one.full.avg10_percent)} full` : ''} (10 s)`);
}
