// Meters and charts.

import { h, svg } from './dom.js';

/** @typedef {[at: number, value: number]} Point At: milliseconds. */

/** How full something is: a bar.
 * @param {number} used In percent. @param {string} label @param {string} [said] */
export function meter(used, label, said) {
    const level = used >= 90 ? 'bad' : used >= 75 ? 'warn' : 'good';
    return h('span', { class: `meter ${level}`, role: 'meter', 'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-valuenow': String(Math.round(Math.min(used, 100))),
        'aria-label': label, 'aria-valuetext': said ?? `${Math.round(used)} %` },
    h('span', { style: { width: `${Math.max(used > 0 ? 1 : 0, Math.min(used, 100)).toFixed(1)}%` } }));
}

const [WIDTH, HEIGHT] = [600, 120];
const MINUTE = 60_000;
/** How long what was measured is kept. */
export const SPAN = 15 * MINUTE;

/** How much of it a chart shows: the shortest of these that has all. @param {Point[][]} lines @param {number} now */
function spanOf(lines, now) {
    const first = Math.min(now, ...lines.map(points => points[0]?.[0] ?? now));
    return [2, 5].map(minutes => minutes * MINUTE).find(span => now - first <= span) ?? SPAN;
}

/**
 * A line, or two, over the last 15 minutes.
 * @param {{title: string, lines: {name: string, points: Point[]}[], format: (value: number) => string,
 *   limit?: number, limitName?: string, now: number}} options
 */
export function chart({ title, lines, format, limit, limitName = 'limit', now }) {
    const span = spanOf(lines.map(line => line.points), now);
    const minutes = span / MINUTE;
    const from = now - span;
    const all = lines.flatMap(line => line.points).filter(([at]) => at >= from);
    const highest = all.reduce((most, [, value]) => Math.max(most, value), 0);
    // The limit belongs into the picture unless it would press the line flat.
    const withLimit = limit !== undefined && limit <= highest * 4;
    const top = niceTop(Math.max(highest, withLimit ? limit : 0), format(1).includes('B'));
    const x = (/** @type {number} */ at) => ((at - from) / span) * WIDTH;
    const y = (/** @type {number} */ value) => HEIGHT - (value / top) * (HEIGHT - 4);
    const drawn = lines.flatMap(({ points }, index) => {
        const path = pathOf(points.filter(([at]) => at >= from), x, y);
        if (!path.line) return [];
        return [svg('path', { d: path.area, class: `area a${index}` }), svg('path', { d: path.line, class: `line l${index}`, 'vector-effect': 'non-scaling-stroke' })];
    });
    const grid = [0.25, 0.5, 0.75].map(part => svg('path', { d: `M0 ${HEIGHT * part}H${WIDTH}`, class: 'grid', 'vector-effect': 'non-scaling-stroke' }));
    if (withLimit) drawn.push(svg('path', { d: `M0 ${y(limit)}H${WIDTH}`, class: 'limit', 'vector-effect': 'non-scaling-stroke' }));
    const last = lines.map(line => line.points.at(-1)?.[1]);
    const said = lines.map((line, index) => `${line.name} ${last[index] === undefined ? 'no value yet' : format(last[index])}`).join(', ');
    return h('figure', { class: 'chart' },
        h('figcaption', null, h('b', null, title), lines.map((line, index) => h('span', { class: `key k${index}` }, `${line.name} `,
            h('strong', null, last[index] === undefined ? '–' : format(last[index])))),
        limit !== undefined && h('span', { class: 'key kl' }, `${limitName} ${format(limit)}`)),
        h('div', { class: 'plot', role: 'img', 'aria-label': `${title}, last ${minutes} minutes: ${said}` },
            svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, ...grid, ...drawn),
            h('span', { class: 'top-label' }, format(top))),
        h('div', { class: 'times', 'aria-hidden': 'true' }, h('span', null, `${minutes} min ago`), h('span', null, 'now')));
}

/** @param {Point[]} points @param {(at: number) => number} x @param {(value: number) => number} y */
function pathOf(points, x, y) {
    let line = '';
    let area = '';
    let before = 0;
    let start = 0;
    let end = 0;
    for (const [at, value] of points) {
        // Where nothing was read for long, the line has a hole.
        const joined = line && at - before < 90_000;
        if (!joined) {
            if (line) area += `L${end.toFixed(1)} ${HEIGHT}L${start.toFixed(1)} ${HEIGHT}Z`;
            start = x(at);
            area += `M${start.toFixed(1)} ${HEIGHT}L${start.toFixed(1)} ${y(value).toFixed(1)}`;
        }
        end = x(at);
        line += `${joined ? 'L' : 'M'}${end.toFixed(1)} ${y(value).toFixed(1)}`;
        if (joined) area += `L${end.toFixed(1)} ${y(value).toFixed(1)}`;
        before = at;
    }
    if (line) area += `L${end.toFixed(1)} ${HEIGHT}L${start.toFixed(1)} ${HEIGHT}Z`;
    return { line, area };
}

/** The next round number above. @param {number} value @param {boolean} binary */
function niceTop(value, binary) {
    if (value <= 0) return 1;
    const base = binary ? 2 ** (10 * Math.floor(Math.log2(value) / 10)) : 1;
    const scaled = (value * 1.05) / base;
    const power = 10 ** Math.floor(Math.log10(scaled));
    const step = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find(one => one * power >= scaled) ?? 10;
    return step * power * base;
}

/** A small line without axes. @param {Point[]} points @param {number} now @param {number} [limit] */
export function spark(points, now, limit) {
    const span = spanOf([points], now);
    const from = now - span;
    const seen = points.filter(([at]) => at >= from);
    const top = Math.max(limit ?? 0, ...seen.map(([, value]) => value), 1e-9) * 1.05;
    const path = pathOf(seen, at => ((at - from) / span) * WIDTH, value => HEIGHT - (value / top) * (HEIGHT - 4));
    return svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', class: 'spark', 'aria-hidden': 'true' },
        ...(path.line ? [svg('path', { d: path.area, class: 'area a0' }), svg('path', { d: path.line, class: 'line l0', 'vector-effect': 'non-scaling-stroke' })] : []));
}
