// What the server serves as it is: probes, metrics, the document.

import { cut, facts, h, save, shown } from './dom.js';
import { count, words } from './format.js';

/** @typedef {import('./api.js').Doc} Doc */

/** @param {string} text Of /metrics. */
function families(text) {
    /** @type {Map<string, {name: string, type: string, help: string, samples: {labels: string, value: string}[]}>} */
    const found = new Map();
    const family = (/** @type {string} */ name) => {
        const one = found.get(name) ?? { name, type: 'untyped', help: '', samples: [] };
        found.set(name, one);
        return one;
    };
    for (const line of text.split('\n')) {
        const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? [];
        if (kind === 'HELP') family(name).help = rest;
        else if (kind === 'TYPE') family(name).type = rest;
        else if (line && !line.startsWith('#')) {
            const [, sample = '', labels = '', value = ''] = /^([^{\s]+)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
            const base = found.has(sample) ? sample : sample.replace(/_(bucket|sum|count|total)$/, '');
            family(found.has(base) ? base : sample).samples.push({ labels, value });
        }
    }
    return [...found.values()];
}

/** @type {import('./app.js').Show} */
export async function metrics({ page, text }) {
    const said = await text('metrics');
    const rows = families(said).flatMap(one => one.samples.map(sample => ({ ...one, ...sample, key: `${one.name}{${sample.labels}}` })));
    page.title('Metrics', `What /metrics exports for Prometheus: ${count(rows.length)} samples`);
    page.table('list', {
        caption: 'Metrics', key: row => row.key, search: row => `${row.name} ${row.labels} ${row.help}`, empty: 'None.',
        columns: [
            { id: 'name', title: 'Metric', value: row => row.name, cell: row => h('code', { title: row.help }, row.name) },
            { id: 'labels', title: 'Labels', wide: true, value: row => row.labels, cell: row => h('code', { title: cut(shown(row.labels), 500) }, cut(shown(row.labels), 200)) },
            { id: 'value', title: 'Value', number: true, value: row => Number(row.value), cell: row => (Number.isFinite(Number(row.value)) ? Number(row.value).toLocaleString('en', { maximumFractionDigits: 3 }) : row.value) },
            { id: 'type', title: 'Type', rank: 2, value: row => row.type },
        ],
    }, rows);
}

/** @type {import('./app.js').Show} */
export async function probes({ page, get, raw, due }) {
    // Asking runs them.
    if (!due('probes', 10)) return;
    const { probes: declared = [] } = await get('v1/server');
    page.title('Probes', 'What serve --probe declares, and whether the server itself is ready');
    const rows = [];
    for (const one of [{ path: 'healthz' }, { path: 'readyz' }, ...declared.map((/** @type {Doc} */ probe) => ({ ...probe, path: `probe/${encodeURIComponent(probe.name)}` }))]) {
        const answer = await raw(one.path);
        const said = (await answer.text()).trim();
        rows.push({ ...one, ok: answer.ok, verdict: /^\w+/.exec(said)?.[0] ?? '', said: said.replace(/^\w+(: )?/, '') });
    }
    page.table('list', {
        caption: 'Probes', key: row => row.path, wrap: true,
        columns: [
            { id: 'path', title: 'Probe', value: row => row.path, cell: row => h('code', null, `/${cut(row.name === undefined ? row.path : `probe/${shown(row.name)}`, 100)}`) },
            { id: 'verdict', title: 'Answer', value: row => row.verdict, also: row => row.ok, cell: row => h('span', { class: `verdict ${row.verdict === 'unknown' ? 'unseen' : row.ok ? 'fits' : 'fails'}` }, row.verdict) },
            { id: 'said', title: 'Why', wide: true, value: row => row.said, cell: row => cut(shown(row.said), 1000) },
            { id: 'check', title: 'Check', rank: 2, value: row => row.check, cell: row => row.check && h('code', null, cut(shown(row.check), 200)) },
            { id: 'ready', title: 'Ready needs it', rank: 2, value: row => row.gates_ready, cell: row => (row.gates_ready === undefined ? '–' : row.gates_ready ? 'yes' : 'no') },
        ],
    }, rows);
    if (!declared.length) page.slot('none', 1, () => h('p', { class: 'note' }, 'No probe is declared: ', h('code', null, 'spyhole serve --probe NAME=CHECK')));
}

const SHOWN = 400_000;
const SECTIONS = ['dump', 'doctor', 'processes', 'sockets', 'environment', 'mounts', 'network', 'resources', 'program', 'open_files', 'capabilities', 'certificates', 'containers', 'access'];
/** @type {Record<string, string>} */
const ENDS = { json: 'json', yaml: 'yaml', table: 'txt' };
let [section, format] = ['dump', 'json'];

/** @type {import('./app.js').Show} */
export async function raw({ page, text, again }, turn) {
    if (turn !== 0) return;
    page.title('Document', 'What the commands print, and what /v1/… answers');
    const options = (/** @type {string[]} */ all, /** @type {string} */ chosen) => all.map(one => h('option', { value: one, selected: one === chosen }, words(one)));
    page.slot('choose', 1, () => h('p', { class: 'tools' },
        h('label', null, 'Section ', h('select', { onchange: (/** @type {any} */ event) => { section = event.target.value; again(); } }, options(SECTIONS, section))),
        h('label', null, 'Format ', h('select', { onchange: (/** @type {any} */ event) => { format = event.target.value; again(); } }, options(Object.keys(ENDS), format)))));
    const asked = section === 'doctor' && format === 'yaml' ? 'json' : format;
    const said = await text(`v1/${section}`, { output: asked });
    page.slot('download', [section, asked, said.length], () => h('p', { class: 'tools' }, h('button', { type: 'button', class: 'main', 'data-key': 'download', onclick: () => save(new Blob([said]), `spyhole-${section}.${ENDS[asked]}`) }, 'Download'),
        h('span', { class: 'note' }, `${count(said.length)} characters`)));
    page.slot('content', [section, asked, said], () => [said.length > SHOWN && h('p', { class: 'note' }, `The first ${count(SHOWN)} characters; the download has all.`),
        h('pre', { class: 'content', tabindex: '0', role: 'region', 'aria-label': 'Document' }, said.slice(0, SHOWN).split('\n').map(shown).join('\n'))]);
    page.slot('how', [section, asked], () => facts([['by command', h('code', null, `spyhole ${section} -o ${asked}`)], ['by HTTP', h('code', null, `GET /v1/${section}?output=${asked}`)]]));
}
