// The environment at exec; secrets have no value, and why.

import { cut, h, long, shown } from './dom.js';
import { count, moment, words } from './format.js';
import { unseen } from './gaps.js';

/** @typedef {import('./api.js').Doc} Doc */

/** @type {Record<string, string>} */
const KINDS = {
    name: 'its name is that of a secret', url_password: 'URL with a password', url_parameter: 'URL with a secret parameter', webhook_url: 'URL of a webhook',
    connection_string: 'connection string with a password', json_field: 'JSON with a secret field', authorization: 'authorization header', password_option: 'option with a password',
    password_hash: 'password hash', encoded: 'encoded secret', private_key: 'private key', jwt: 'JSON web token', aws_key: 'AWS key', gcp_key: 'Google Cloud key', azure_key: 'Azure key',
    github_token: 'GitHub token', gitlab_token: 'GitLab token', slack_token: 'Slack token', stripe_key: 'Stripe key', vendor_token: 'token of a known form', high_entropy: 'looks random',
};

/** @param {Doc} redacted */
const redactedMark = redacted => h('span', { class: 'redacted', title: `fingerprint ${redacted.fingerprint}: equal secrets have equal ones` },
    `redacted ${count(redacted.length_bytes)} bytes`, h('small', null, ` #${redacted.fingerprint} · ${KINDS[redacted.reason] ?? words(redacted.reason)}`));

/** @param {Doc} doc @returns {import('./table.js').Column[]} */
export function variableColumns(doc) {
    return [
        { id: 'name', title: 'Name', value: row => shown(row.name), cell: row => h('b', { class: 'mono' }, cut(shown(row.name), 300)) },
        { id: 'value', title: 'Value', wide: true, value: row => (row.redacted ? '' : shown(row.value)), also: row => row.redacted,
            cell: row => (row.redacted ? redactedMark(row.redacted) : row.value === null ? unseen(doc, 'environment', 'value') : row.value === undefined ? '–' : row.value === '' ? h('span', { class: 'none' }, '(empty)') : long(row.value)) },
        { id: 'note', title: 'Note', rank: 2, value: row => [row.shadowed && 'shadowed by a later one', row.service_link && 'set by Kubernetes for a Service', row.without_equals && 'has no =', row.against_parent && row.against_parent !== 'same' && row.against_parent].filter(Boolean).join(', ') },
    ];
}

/** @type {import('./app.js').Show} */
export async function environment({ page, get, due }) {
    // It is that of the start: it does not change under a running process.
    if (!due('environment', 20)) return;
    const doc = await get('v1/environment', { all_vars: true });
    const [one] = doc.environment ?? [];
    const variables = one?.variables;
    page.title('Environment', one?.started_at ? `Of ${cut(shown(one.comm), 40)} (${one.pid}) when it was started, ${moment(one.started_at)}; it may have changed its own since.` : undefined);
    if (!variables) {
        page.slot('none', 1, () => h('p', null, unseen(doc, 'environment', 'variables', one?.pid)));
    } else {
        const hidden = variables.filter((/** @type {Doc} */ row) => row.redacted).length;
        page.slot('summary', hidden, () => hidden ? h('p', { class: 'note' }, `${hidden} redacted. Equal fingerprints mean equal secrets.`) : []);
        page.table('list', { caption: 'Environment', key: row => row.key, sort: 'name', wrap: true, search: row => `${shown(row.name)} ${row.redacted ? 'redacted' : shown(row.value)}`, columns: variableColumns(doc), empty: 'It has no environment.' },
            variables.map((/** @type {Doc} */ row, /** @type {number} */ index) => ({ ...row, key: index })));
    }
    page.unseen([doc], ['environment']);
}
