// Certificates: when they expire, who signed them, and whether what is served is what is on disk.

import { cut, facts, h, shown } from './dom.js';
import { count, date, duration, words } from './format.js';
import { noneOf, seen, unseen } from './gaps.js';

/** @typedef {import('./api.js').Doc} Doc */

/** Seconds between two looks: it searches directories and connects to the target's listeners. */
const EVERY = 60;
const DAY = 86400;

/** Where a number of days is on the axis, in percent: the next weeks have most of it.
 * @param {number} days */
const place = days => Math.max(0, Math.min(100, (100 * Math.log10(1 + Math.max(0, days))) / Math.log10(1 + 3650)));

/** @param {number} left Seconds. */
const urgency = left => (left <= 0 ? 'bad' : left < 14 * DAY ? 'bad' : left < 30 * DAY ? 'warn' : 'good');

/** @param {Doc} certificate */
const nameOf = certificate => certificate.subject_alternative_names?.[0]?.replace(/^DNS:/, '') || certificate.subject || '(no name)';

/** @type {import('./app.js').Show} */
export async function certificates({ page, get, gone, due }) {
    if (!due('certificates', EVERY)) return;
    const doc = await get('v1/certificates', { verify: true });
    const { files, missing = [], trust_store: store, files_left_out: leftOut = 0 } = doc.certificates ?? {};
    if (!files) {
        page.title('Certificates', unseen(doc, 'certificates', 'files'));
    } else {
        const all = files.flatMap((/** @type {Doc} */ file) => (file.certificates ?? []).map((/** @type {Doc} */ certificate) => ({ file, certificate })));
        page.title('Certificates', `${count(all.length)} in ${count(files.length)} files${leftOut ? `; ${count(leftOut)} files of the system's authorities left out` : ''}`);
        page.slot('timeline', all.map((/** @type {Doc} */ one) => one.certificate.fingerprint_sha256), () => timeline(doc, all));
        page.part('served', 'section');
        page.slot('files', files, () => [h('h2', null, 'Files'), ...files.map((/** @type {Doc} */ file) => fileCard(doc, file))]);
        page.slot('missing', missing, () => missing.length ? [h('h2', null, 'Named, and not there'), h('ul', { class: 'plain' }, missing.map((/** @type {Doc} */ one) => h('li', null, h('code', null, cut(shown(one.path), 300)), ` named by ${one.found_by.map(foundBy).join(', ')}`)))] : []);
    }
    page.slot('store', [store ?? null], () => store === undefined ? [] : [h('h2', null, 'Trust store'), store === null ? h('p', null, unseen(doc, 'certificates', 'trust_store')) : h('div', null, trust(doc, store))]);
    page.unseen([doc], ['certificates']);
    if (gone()) return;
    page.slot('served', 'asking', () => [h('h2', null, 'Served'), h('p', { class: 'note' }, 'Asking the target\'s listeners …')]);
    try {
        const found = await get('v1/certificates', { served: true });
        page.slot('served', found.certificates?.served, () => served(found));
    } catch (error) {
        page.refused('served', error instanceof Error ? error.message : String(error));
        if (gone()) throw error;
    }
}

/** @param {Doc} doc @param {Doc[]} all */
function timeline(doc, all) {
    const dated = all.filter(({ certificate }) => typeof certificate.seconds_left === 'number').sort((one, other) => one.certificate.seconds_left - other.certificate.seconds_left);
    if (!dated.length) return [];
    const ticks = [[1, '1 d'], [7, '7 d'], [30, '30 d'], [90, '90 d'], [365, '1 y'], [3650, '10 y']];
    const unique = dated.filter((one, index) => dated.findIndex(other => other.certificate.fingerprint_sha256 === one.certificate.fingerprint_sha256) === index);
    return [h('h2', null, 'Expiry'),
        h('div', { class: 'timeline' },
            h('div', { class: 'axis', 'aria-hidden': 'true' }, ticks.map(([days, text]) => h('span', { style: { left: `${place(Number(days)).toFixed(1)}%` } }, text))),
            h('ol', null, unique.slice(0, 60).map(({ certificate, file }) => {
                const left = certificate.seconds_left;
                return h('li', { class: urgency(left) },
                    h('span', { class: 'who' }, h('b', null, cut(shown(nameOf(certificate)), 80)), certificate.is_ca && h('small', null, ' authority'), h('small', null, ` ${cut(shown(file.path), 80)}`)),
                    h('span', { class: 'track', 'aria-hidden': 'true' }, h('span', { style: { width: `${place(left / DAY).toFixed(1)}%` } })),
                    h('span', { class: 'when' }, left <= 0 ? `expired ${duration(-left)} ago` : `${duration(left)} left`, h('small', null, ` ${seenDate(doc, certificate)}`)));
            }))),
        unique.length > 60 && h('p', { class: 'note' }, `and ${count(unique.length - 60)} that expire later`)];
}

/** @param {Doc} doc @param {Doc} certificate */
const seenDate = (doc, certificate) => (certificate.not_after ? date(certificate.not_after) : '?');

/** @param {any} found */
const foundBy = found => (typeof found === 'string' ? words(found) : found.environment ? `environment ${cut(shown(found.environment), 80)}` : words(Object.keys(found)[0] ?? ''));

/** @param {Doc} doc @param {Doc} file */
function fileCard(doc, file) {
    const { certificates: held, private_keys: keys = [], private_key: beside, verdicts = [], faults = [] } = file;
    return h('article', { class: 'card file' },
        h('h3', null, h('code', null, cut(shown(file.path), 300))),
        h('p', { class: 'note' }, `${file.form ?? 'form unknown'} · ${file.mode} ${file.uid}:${file.gid} · found by ${file.found_by.map(foundBy).join(', ')}`, file.readable_by_target === false && h('b', { class: 'warn' }, ' · the target cannot read it')),
        held === null ? h('p', null, unseen(doc, 'certificates', 'files.certificates', file.path)) : chainTree(held),
        keys.length > 0 && h('p', null, `Private key: ${keys.map((/** @type {Doc} */ key) => `${key.encrypted ? 'encrypted ' : ''}${key.public_key ? keyWords(key.public_key) : ''}`).join(', ')} (never shown)`),
        beside && h('p', null, 'Its key ', h('code', null, cut(shown(beside.path), 200)), beside.matches === false ? h('b', { class: 'bad' }, ' does not match') : beside.matches ? ' matches' : ' could not be compared', beside.readable_by_all && h('b', { class: 'warn' }, ', readable by all')),
        faults.map((/** @type {Doc} */ fault) => h('p', { class: 'refused' }, `line ${fault.line ?? '?'}: ${cut(shown(fault.says), 500)}`)),
        (verdicts ?? []).map((/** @type {Doc} */ verdict) => h('p', { class: 'judged' }, h('span', { class: `verdict ${verdict.judgement === 'verified' ? 'fits' : verdict.judgement === 'refused' ? 'fails' : 'unseen'}` }, words(verdict.judgement)),
            verdict.authorities === 'target' ? ' by the target\'s own authorities' : verdict.authorities === 'mozilla' ? ' by Mozilla\'s roots' : ` by ${words(verdict.authorities)}`,
            (verdict.findings ?? []).map((/** @type {Doc} */ finding) => h('small', null, ` ${cut(shown(finding.says), 400)}`)))));
}

/** @param {Doc} key */
const keyWords = key => `${key.algorithm} ${key.curve ?? key.bits ?? ''}`;

/** The chain as nested lists: the issuer above what it signed. @param {Doc[]} all */
function chainTree(all) {
    /** @type {Map<string, Doc[]>} */
    const bySubject = new Map();
    for (const one of all) bySubject.set(one.subject ?? '', [...(bySubject.get(one.subject ?? '') ?? []), one]);
    const isRoot = (/** @type {Doc} */ one) => one.self_signed || !bySubject.has(one.issuer ?? '\0') || one.issuer === one.subject;
    const roots = all.filter(isRoot);
    const shownOnes = new Set();
    const branch = (/** @type {Doc} */ one, /** @type {number} */ depth) => {
        shownOnes.add(one);
        /** @type {Doc[]} */
        const below = depth > 8 ? [] : all.filter(other => !shownOnes.has(other) && !isRoot(other) && other.issuer === one.subject);
        /** @type {HTMLElement} */
        const item = h('li', null, certificateLine(one), below.length > 0 && h('ul', null, below.map(other => branch(other, depth + 1))));
        return item;
    };
    const rest = () => all.filter(one => !shownOnes.has(one));
    const items = roots.slice(0, 200).map(one => h('ul', { class: 'tree' }, isRoot(one) && !one.self_signed && one.issuer ? h('li', { class: 'outside' }, h('span', null, cut(shown(one.issuer), 200), h('small', null, ' not in this file')), h('ul', null, branch(one, 1))) : branch(one, 0)));
    return h('div', null, ...items, rest().length > 0 && h('ul', { class: 'tree' }, rest().slice(0, 100).map(one => h('li', null, certificateLine(one)))));
}

/** @param {Doc} one */
function certificateLine(one) {
    const left = one.seconds_left;
    return h('span', null, h('b', null, cut(shown(one.subject ?? '(subject not readable)'), 300)), typeof left === 'number' && h('span', { class: `left ${urgency(left)}` }, left <= 0 ? 'expired' : `${duration(left)} left`),
        h('small', null, ` ${one.is_ca ? 'authority · ' : ''}${one.public_key ? keyWords(one.public_key) : ''}${one.subject_alternative_names?.length ? ` · ${cut(one.subject_alternative_names.map(shown).join(', '), 300)}` : ''}`));
}

/** @type {Record<string, string>} */
const AGAINST = { same: 'same as on disk', older_than_file: 'older than on disk: not reloaded', newer_than_file: 'newer than on disk', not_on_disk: 'not on disk' };

/** @param {Doc} doc */
function served(doc) {
    const all = doc.certificates?.served;
    if (!all) return [h('h2', null, 'Served'), h('p', null, unseen(doc, 'certificates', 'served'))];
    return [h('h2', null, 'Served, against disk'), all.length ? h('ul', { class: 'served-list' }, all.map((/** @type {Doc} */ one) => h('li', null, h('b', { class: 'mono' }, cut(shown(one.listens_on), 80)), ' ',
        one.serves === null ? unseen(doc, 'certificates', 'served.serves') : one.serves?.kind !== 'tls' ? h('span', { class: 'note' }, `no TLS${one.serves?.says ? `: ${cut(shown(one.serves.says), 200)}` : ''}`)
            : (one.serves.leaves ?? []).map((/** @type {Doc} */ leaf) => h('div', { class: 'leaf' },
                h('span', null, cut(shown(nameOf(leaf.certificate)), 80), leaf.server_name && h('small', null, ` for ${cut(shown(leaf.server_name), 80)}`)),
                seen(doc, 'certificates', 'served.certificate.seconds_left', leaf.certificate.seconds_left, left => h('span', { class: `left ${urgency(left)}` }, left <= 0 ? 'expired' : `${duration(left)} left`)),
                seen(doc, 'certificates', 'served.against_files', leaf.against_files, against => h('span', { class: `verdict ${against === 'same' ? 'fits' : against === 'older_than_file' ? 'fails' : 'unseen'}` }, AGAINST[against] ?? words(against))),
                leaf.path && h('code', null, cut(shown(leaf.path), 120)), leaf.file_not_after && leaf.against_files !== 'same' && h('small', null, ` on disk valid until ${date(leaf.file_not_after)}`)))))) : h('p', { class: 'note' }, noneOf(doc, 'certificates', 'The target listens on no TCP port.'))];
}

/** @param {Doc} doc @param {Doc} store */
function trust(doc, store) {
    return [h('p', null, cut(shown(store.consequence), 600)), facts([['runtime', words(store.runtime)], ['evidence', cut(shown(store.evidence), 400)], ['authorities', store.roots === undefined ? undefined : seen(doc, 'certificates', 'trust_store.roots', store.roots, count)]]),
        h('ul', { class: 'plain' }, (store.places ?? []).map((/** @type {Doc} */ one) => h('li', null, h('code', null, one.path ? cut(shown(one.path), 200) : shown(one.variable ?? '?')), ` ${one.state ? words(one.state) : '?'}`, typeof one.roots === 'number' && `, ${count(one.roots)} ${one.roots === 1 ? 'authority' : 'authorities'}`, one.used && h('b', null, ', used'), one.only_for && ` (${one.only_for})`)))];
}
