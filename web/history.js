// What was measured in the last 15 minutes, as long as the page is open.

import { SPAN } from './chart.js';

/** @typedef {import('./api.js').Doc} Doc */
/** @typedef {import('./chart.js').Point} Point */

/** @type {Map<string, Point[]>} */
const lines = new Map();
/** @type {Map<string, Point>} */
const totals = new Map();

/** @param {string} name @returns {Point[]} */
export const line = name => lines.get(name) ?? [];

/** @param {string} name @param {number} at @param {any} value */
export function put(name, at, value) {
    if (typeof value !== 'number') return;
    const points = lines.get(name) ?? [];
    if (points.length && at <= (points.at(-1)?.[0] ?? 0)) return;
    points.push([at, value]);
    while (points.length && (points[0]?.[0] ?? at) < at - SPAN - 60_000) points.shift();
    lines.set(name, points);
}

/** The growth of a counter, per second. @param {string} name @param {number} at @param {any} total */
export function putRate(name, at, total) {
    if (typeof total !== 'number') return undefined;
    const before = totals.get(name);
    if (totals.size > 4000) prune(at);
    if (before && at <= before[0]) return undefined;
    totals.set(name, [at, total]);
    if (!before || total < before[1] || at - before[0] > 90_000) return undefined;
    const rate = (total - before[1]) / ((at - before[0]) / 1000);
    put(name, at, rate);
    return rate;
}

/** Processes come and go. @param {number} now */
function prune(now) {
    for (const [name, [at]] of totals) {
        if (at > now - 120_000) continue;
        totals.delete(name);
        lines.delete(name);
    }
}

/** Another container: nothing of this is about it. */
export function forget() {
    lines.clear();
    totals.clear();
}

/** @param {Doc} doc With the section resources. */
export function takeResources(doc) {
    const at = Date.parse(doc.taken_at);
    const { memory, cpu, pids, io, limits } = doc.resources ?? {};
    if (memory) {
        put('memory', at, memory.current_bytes);
        put('working', at, memory.working_set_bytes);
    }
    if (cpu) {
        putRate('cpu', at, cpu.usage_seconds);
        putRate('throttled', at, cpu.throttled_seconds);
    }
    if (pids) put('pids', at, pids.current);
    put('files', at, limits?.find((/** @type {Doc} */ one) => one.resource === 'open_files')?.used);
    if (io?.devices) {
        const sum = (/** @type {string} */ key) => io.devices.reduce((/** @type {number} */ all, /** @type {Doc} */ one) => all + (one[key] ?? 0), 0);
        putRate('read', at, sum('read_bytes'));
        putRate('written', at, sum('written_bytes'));
    }
}

/** @param {Doc} doc With the section network. */
export function takeNetwork(doc) {
    const at = Date.parse(doc.taken_at);
    const outside = (doc.network?.interfaces ?? []).filter((/** @type {Doc} */ one) => one.link_type !== 'loopback');
    const all = outside.length ? outside : doc.network?.interfaces ?? [];
    if (!all.length) return;
    const sum = (/** @type {string} */ key) => all.reduce((/** @type {number} */ total, /** @type {Doc} */ one) => total + (one[key]?.bytes ?? 0), 0);
    putRate('received', at, sum('received'));
    putRate('sent', at, sum('sent'));
}
