// What can be seen, what not, why, and the command that would show it.

import { copyButton, cut, facts, h, shown } from './dom.js';
import { words } from './format.js';
import { reasonWords, unseen } from './gaps.js';

/** @typedef {import('./api.js').Doc} Doc */

/** @type {import('./app.js').Show} */
export async function access({ page, get, due }) {
    if (!due('access', 10)) return;
    const doc = await get('v1/access');
    const found = doc.access;
    if (!found) {
        page.title('Access', unseen(doc, 'access', 'access'));
        return;
    }
    const denied = found.checks.filter((/** @type {Doc} */ one) => one.outcome !== 'allowed').length;
    page.title('Access', denied ? `${denied} of ${found.checks.length} kinds of data are not seen, or not whole` : 'Everything can be seen.');
    page.slot('remedies', [found.remedies, found.blockers], () => [
        found.blockers.length > 0 && h('h2', null, 'Why'), found.blockers.length > 0 && h('ul', { class: 'plain' }, found.blockers.map((/** @type {Doc} */ one) => h('li', null, cut(shown(one.evidence), 600)))),
        found.remedies.length > 0 && h('h2', null, 'To see it all'),
        ...found.remedies.map((/** @type {Doc} */ one) => h('article', { class: 'card' }, h('h3', null, one.title, ' ', one.pod_security && h('span', { class: `level ${one.pod_security}` }, one.pod_security)),
            one.commands.map((/** @type {any} */ command) => h('div', { class: 'command' }, h('pre', { tabindex: '0', role: 'region', 'aria-label': 'Command' }, cut(shown(command), 4000)), copyButton(typeof command === 'string' ? command : shown(command)))))),
    ]);
    page.slot('h-checks', 1, () => h('h2', null, 'What is seen'));
    page.table('checks', {
        caption: 'What is seen', key: row => `${row.what}${shown(row.path)}`, wrap: true,
        columns: [
            { id: 'what', title: 'What', value: row => words(row.what) },
            { id: 'outcome', title: 'Seen', value: row => row.outcome, cell: row => h('span', { class: `verdict ${row.outcome === 'allowed' ? 'fits' : row.outcome === 'denied' || row.outcome === 'failed' ? 'fails' : 'unseen'}` }, row.outcome === 'allowed' ? 'yes' : words(row.outcome)) },
            { id: 'why', title: 'Why not', value: row => (row.outcome === 'allowed' ? '' : [row.reason && reasonWords(row.reason), row.errno].filter(Boolean).join(', ')) },
            { id: 'path', title: 'By', wide: true, rank: 2, value: row => shown(row.path), cell: row => h('code', null, cut(shown(row.path), 200)) },
        ],
    }, found.checks);
    page.slot('parties', [found.target, found.viewer, found.shared], () => [h('h2', null, 'Target and viewer'), h('div', { class: 'cards' }, party('Target', found.target), party('spyhole', found.viewer)),
        h('p', { class: 'note' }, `Shared: ${Object.entries(found.shared).map(([name, is]) => `${words(name)} ${is === null ? '?' : is ? 'yes' : 'no'}`).join(', ')}`)]);
    page.slot('ruled-out', found.ruled_out, () => found.ruled_out.length ? [h('h2', null, 'What would not help'), h('ul', { class: 'plain' }, found.ruled_out.map((/** @type {Doc} */ one) => h('li', null, h('b', null, one.title), `: ${one.because}`)))] : []);
    page.unseen([doc], ['access']);
}

/** @param {string} title @param {Doc} one */
function party(title, one) {
    const ids = (/** @type {any} */ value) => (value === null ? '?' : value && `${value.effective}`);
    return h('div', { class: 'card' }, h('h3', null, title), facts([
        ['pid', one.pid ? String(one.pid) : undefined], ['uid, gid', `${ids(one.uids)}, ${ids(one.gids)}`], ['groups', one.groups?.join(', ')],
        ['effective capabilities', one.capabilities?.effective === null ? '?' : one.capabilities?.effective?.length > 6 ? `${one.capabilities.effective.length}` : one.capabilities?.effective?.join(', ') || 'none'],
        ['no new privileges', one.no_new_privs === null ? '?' : one.no_new_privs === undefined ? undefined : one.no_new_privs ? 'yes' : 'no'], ['seccomp', one.seccomp === null ? '?' : one.seccomp], ['label', one.security_label && cut(shown(one.security_label), 100)],
    ]));
}
