// What matters first: findings, and how much of each limit is used.

import { copyButton, cut, facts, h, shown } from './dom.js';
import { bytes, cores, count, endpoint, percent, since } from './format.js';
import { noneOf, reasonWords, seen, unseen } from './gaps.js';
import * as history from './history.js';
import { meter, spark } from './chart.js';
import { Problem } from './api.js';

/** @typedef {import('./api.js').Doc} Doc */
/** @typedef {import('./dom.js').Child} Child */

/** Seconds between two looks for findings: it reads everything. */
const FINDINGS_EVERY = 30;

/** @type {import('./app.js').Show} */
export async function overview({ page, get, due }, turn) {
    const doc = await get('v1/resources');
    if (turn === 0) {
        const who = await get('v1/processes', { pids: doc.target.pid });
        page.slot('title', [who.target, who.processes], () => head(who));
        page.slot('findings', 'looking', () => [h('h2', null, 'Findings'), h('p', { class: 'note' }, 'Looking for what is wrong …')]);
    }
    const side = page.part('side', 'aside').element;
    side.setAttribute('aria-label', 'Use and listeners');
    side.replaceChildren(page.part('tiles', 'section').element, page.part('listening', 'section').element);
    tiles(page, doc);
    if (!due('findings', FINDINGS_EVERY)) return;
    const sockets = await get('v1/sockets', { listening: true });
    page.slot('listening', [sockets.sockets, sockets.gaps], () => listening(sockets));
    fullest = await get('v1/mounts');
    tiles(page, doc);
    try {
        const found = await get('v1/doctor');
        page.slot('findings', [found.findings, found.not_judged], () => findings(found));
    } catch (error) {
        if (!(error instanceof Problem) || [0, 401].includes(error.status)) throw error;
        page.refused('findings', error.message);
    }
}

/** @type {Doc | undefined} */
let fullest;

/** @param {Doc} doc */
function head(doc) {
    const { target } = doc;
    const main = (doc.processes ?? []).find((/** @type {Doc} */ one) => one.pid === target.pid) ?? {};
    const name = [target.namespace, target.pod, target.container].filter(Boolean).map(shown).join(' / ');
    return [
        h('h1', null, name || shown(target.comm)),
        facts([
            ['program', seen(doc, 'processes', 'exe', target.exe ?? main.exe, value => h('code', null, cut(shown(value), 200)), target.pid)],
            ['user', [main.user ? `${shown(main.user)} ` : '', `${target.uid}:${target.gid}`]],
            ['pid', h('a', { href: `#/processes/${target.pid}` }, String(target.pid))],
            ['running for', main.started_at && since(main.started_at, doc.taken_at)],
            ['container id', target.container_id?.slice(0, 12)],
        ]),
    ];
}

/** @param {import('./page.js').Page} page @param {Doc} doc */
function tiles(page, doc) {
    const { memory, cpu, pids, limits } = doc.resources;
    const now = Date.parse(doc.taken_at);
    const open = limits?.find((/** @type {Doc} */ one) => one.resource === 'open_files');
    const used = history.line('cpu').at(-1)?.[1];
    const numberOf = (/** @type {any} */ value) => (typeof value === 'number' ? value : undefined);
    const part = (/** @type {any} */ value, /** @type {any} */ most) => (typeof value === 'number' && typeof most === 'number' && most > 0 ? (100 * value) / most : undefined);
    const disk = (fullest?.mounts ?? []).filter((/** @type {Doc} */ one) => one.space?.used_percent !== undefined && one.writable && !['kernel'].includes(one.volume?.kind))
        .sort((/** @type {Doc} */ one, /** @type {Doc} */ other) => other.space.used_percent - one.space.used_percent)[0];
    page.slot('tiles', [doc.taken_at, fullest?.taken_at], () => [h('h2', { class: 'away' }, 'Use'),
        tile('Memory', '#/resources', memory === null ? unseen(doc, 'resources', 'memory') : memory === undefined ? '–'
            : seen(doc, 'resources', 'memory.current_bytes', memory.current_bytes, bytes),
        memory && limited(numberOf(memory.limit_bytes), bytes), memory && (memory.used_percent ?? part(memory.current_bytes, memory.limit_bytes)),
        history.line('memory'), now, numberOf(memory?.limit_bytes)),
        tile('CPU', '#/resources', cpu === null ? unseen(doc, 'resources', 'cpu') : used === undefined ? '…' : `${cores(used)} cores`,
            cpu && limited(numberOf(cpu.limit_cores), value => `${value}`), part(used, cpu?.limit_cores), history.line('cpu'), now, numberOf(cpu?.limit_cores)),
        tile('Processes', '#/processes', pids === null ? unseen(doc, 'resources', 'pids') : pids?.current === undefined ? '–' : seen(doc, 'resources', 'pids.current', pids.current, count),
            pids && limited(numberOf(pids.limit), count), part(pids?.current, pids?.limit), history.line('pids'), now, numberOf(pids?.limit)),
        tile('Open files', `#/processes/${doc.target.pid}`, open?.used === undefined ? '–' : seen(doc, 'resources', 'limits.used', open.used, count),
            open && limited(numberOf(open.soft), count), open?.used_percent, history.line('files'), now, numberOf(open?.soft)),
        tile('Fullest disk', '#/mounts', disk ? percent(disk.space.used_percent) : !fullest ? '…' : fullest.gaps?.some((/** @type {Doc} */ gap) => gap.section === 'mounts') ? unseen(fullest, 'mounts', 'space') : '–',
            disk ? cut(shown(disk.mount_point), 40) : '', disk?.space.used_percent, [], now),
    ]);
}

/** @param {number | undefined} limit @param {(value: number) => string} format */
const limited = (limit, format) => (limit === undefined ? 'no limit' : `of ${format(limit)}`);

/** @param {string} name @param {string} href @param {Child} value @param {Child} of @param {number | undefined} part
 * @param {import('./chart.js').Point[]} points @param {number} now @param {number} [limit] */
function tile(name, href, value, of, part, points, now, limit) {
    return h('a', { class: 'tile', href, 'data-key': `tile${name}` },
        h('span', { class: 'name' }, name),
        h('span', { class: 'value' }, value),
        h('span', { class: 'of' }, of, part === undefined || part === null ? '' : of && name !== 'Fullest disk' ? ` · ${percent(part)}` : ''),
        part === undefined || part === null ? false : meter(part, name),
        points.length > 1 && spark(points, now, limit));
}

/** @param {Doc} doc */
function listening(doc) {
    const all = (doc.sockets ?? []).filter((/** @type {Doc} */ one) => one.local_port !== undefined);
    return [h('h2', null, 'Listening'),
        all.length ? h('ul', { class: 'chips' }, all.map((/** @type {Doc} */ one) => {
            const full = one.accept_queue_limit && one.accept_queue > one.accept_queue_limit;
            return h('li', null, h('a', { href: '#/sockets', class: full ? 'chip bad' : 'chip' },
                h('b', null, `${one.protocol} ${endpoint(one.local_address ?? '*', one.local_port)}`),
                one.owners?.[0] && ` ${cut(shown(one.owners[0].name), 20)}`,
                one.loopback_only && h('small', null, ' only loopback'), full && h('small', null, ' accept queue full')));
        })) : h('p', { class: 'note' }, doc.sockets === null ? unseen(doc, 'sockets', 'sockets') : noneOf(doc, 'sockets', 'Nothing listens on a port.'))];
}

/** @type {Record<string, string>} */
const SEVERITIES = { problem: 'Problem', risk: 'Risk', hint: 'Hint' };

/** @param {Doc} found */
function findings(found) {
    const { findings: all = [], not_judged: notJudged = [] } = found;
    const summed = ['problem', 'risk', 'hint'].map(severity => [severity, all.filter((/** @type {Doc} */ one) => one.severity === severity).length]);
    return [
        h('h2', null, 'Findings'),
        h('p', { class: 'note' }, all.length ? summed.filter(([, many]) => many).map(([severity, many], index) => [index ? ' · ' : '', h('span', { class: `severity ${severity}` }, `${many} ${severity}${many === 1 ? '' : 's'}`)]).flat() : 'Nothing was found.',
            ` · ${found.rules_judged ?? '?'} rules judged`),
        ...all.map(finding),
        notJudged.length ? h('details', { class: 'unseen', 'data-key': 'not-judged' },
            h('summary', null, `Not judged: ${notJudged.length} ${notJudged.length === 1 ? 'rule' : 'rules'}, as what they look at was not seen`),
            h('ul', null, notJudged.map((/** @type {Doc} */ one) => h('li', null, h('span', { class: 'gap' }, '? '), h('b', null, one.id), ' ', h('code', null, one.field), `: ${reasonWords(one.reason)}`))),
            h('p', null, h('a', { href: '#/access' }, 'How to see it'))) : false,
    ];
}

/** @param {Doc} one */
function finding(one) {
    return h('article', { class: `finding ${one.severity}` },
        h('h3', null, h('span', { class: `severity ${one.severity}` }, SEVERITIES[one.severity] ?? one.severity), ' ', one.title, ' ', h('small', null, one.id)),
        h('ul', { class: 'evidence' }, (one.evidence ?? []).map((/** @type {any} */ text) => h('li', null, cut(shown(text), 1200)))),
        one.remedy && h('div', { class: 'remedy' }, h('span', null, shown(one.remedy)), copyButton(shown(one.remedy))),
        h('details', { 'data-key': `why${one.id}` }, h('summary', null, 'Why, and when this is wrong'), h('p', null, one.why), one.wrong_if && h('p', null, h('b', null, 'Wrong if: '), one.wrong_if)));
}
