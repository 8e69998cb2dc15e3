// What the main process may do, and which level of Pod Security it fits.

import { cut, facts, h, shown } from './dom.js';
import { words } from './format.js';
import { seen, unseen } from './gaps.js';

/** @typedef {import('./api.js').Doc} Doc */

/** @param {Doc} account */
const account = account => `${account.id}${account.name ? ` (${shown(account.name)})` : ''}`;

/** @type {import('./app.js').Show} */
export async function capabilities({ page, get, due }) {
    if (!due('capabilities', 10)) return;
    const doc = await get('v1/capabilities');
    const [one] = doc.capabilities ?? [];
    if (!one) {
        page.title('Capabilities', unseen(doc, 'capabilities', 'capabilities'));
        return;
    }
    const of = (/** @type {string} */ field, /** @type {any} */ value, /** @type {(value: any) => import('./dom.js').Child} */ format = shown) => seen(doc, 'capabilities', field, value, format, one.pid);
    page.title('Capabilities', h('span', null, `Of ${cut(shown(one.comm), 40)} (${one.pid}): `, h('code', null, one.text === null ? '?' : one.text)));
    page.slot('context', one, () => facts([
        ['user', of('uids', one.uids, value => account(value.effective))], ['group', of('gids', one.gids, value => account(value.effective))],
        ['other groups', one.groups === null ? of('groups', null) : one.groups?.map(account).join(', ')],
        ['no new privileges', of('no_new_privs', one.no_new_privs, value => (value ? 'yes' : 'no'))],
        ['seccomp', of('seccomp', one.seccomp, words)],
        ['security module', one.label === undefined ? undefined : of('label', one.label, value => `${value.module} ${cut(shown(value.label), 80)}`)],
        ['dumpable', words(one.dumpable)], ['root of the node', `${words(one.user_namespace.root_is_node_root)}: ${one.user_namespace.evidence}`],
    ]));
    page.slot('h-held', 1, () => h('h2', null, 'Held capabilities'));
    page.table('held', {
        caption: 'Held capabilities', key: row => row.name, wrap: true, empty: one.held === null ? 'Not readable.' : 'It holds none, and can get none.',
        columns: [
            { id: 'name', title: 'Capability', value: row => row.name, cell: row => h('code', null, row.name) },
            { id: 'risk', title: 'Risk', value: row => ['low', 'medium', 'high', 'critical'].indexOf(row.risk), cell: row => h('span', { class: `severity ${row.risk === 'high' || row.risk === 'critical' ? 'problem' : row.risk === 'medium' ? 'risk' : 'hint'}` }, row.risk) },
            { id: 'sets', title: 'In', value: row => ['effective', 'permitted', 'inheritable', 'bounding', 'ambient'].filter(set => one.sets?.[set]?.names?.includes(row.name)).join(', ') },
            { id: 'allows', title: 'Allows to', wide: true, value: row => row.allows },
        ],
    }, one.held ?? []);
    if (one.held === null) page.slot('held-gap', 1, () => h('p', null, unseen(doc, 'capabilities', 'held', one.pid)));
    page.slot('defaults', one.against_defaults, () => (one.against_defaults ?? []).length ? [h('h2', null, 'Against the defaults of runtimes'), h('ul', { class: 'plain' }, one.against_defaults.map((/** @type {Doc} */ other) => h('li', null, h('b', null, other.runtimes.join(', ')), ': ',
        other.added.length ? h('span', { class: 'warn' }, `added ${other.added.join(', ')}`) : 'none added', '; ', other.dropped.length ? `dropped ${other.dropped.length} (${other.dropped.join(', ')})` : 'none dropped')))] : []);
    page.slot('h-pod', one.pod_security?.fits, () => h('h2', null, 'Pod Security: fits ', h('span', { class: `level ${one.pod_security.fits}` }, one.pod_security.fits)));
    page.table('clauses', {
        caption: 'Clauses of Pod Security', key: row => `${row.level}${row.clause}`, wrap: true,
        columns: [
            { id: 'verdict', title: 'Verdict', value: row => row.verdict, cell: row => h('span', { class: `verdict ${row.verdict}` }, row.verdict === 'unseen' ? '? not seen' : words(row.verdict)) },
            { id: 'clause', title: 'Clause', value: row => words(row.clause) },
            { id: 'level', title: 'Level', value: row => row.level },
            { id: 'evidence', title: 'Evidence', wide: true, value: row => cut(shown(row.evidence), 2000) },
        ],
    }, one.pod_security?.clauses ?? []);
    page.unseen([doc], ['capabilities']);
}
