// What could not be read: shown at the place where its value would be, and below with what it needs.

import { cut, h, shown } from './dom.js';
import { words } from './format.js';

/** @typedef {import('./api.js').Doc} Doc */
/** @typedef {import('./dom.js').Child} Child */

/** @type {Record<string, string>} */
const REASONS = {
    uid: 'not the same user', gid: 'not the same group', capability: 'a capability is missing',
    user_namespace: 'another user namespace', not_dumpable: 'the process is not dumpable',
    hidepid: 'hidden by the mount options of /proc', seccomp: 'refused by the viewer\'s seccomp filter',
    security_module: 'refused by a security module', denied: 'permission denied',
    overwritten: 'overwritten by the process', copy: 'not in the copy of /proc', vanished: 'no longer exists',
    unsupported: 'not supported here', timeout: 'timed out', remote_fs: 'on a file system that is not local',
    limit: 'limit reached', malformed: 'unexpected format', io: 'system error',
};

/** @param {string} reason */
export const reasonWords = reason => REASONS[reason] ?? words(reason);

/** The gap of a field that is `null`.
 * @param {Doc} doc @param {string} section @param {string} field Dotted, or the end of it.
 * @param {any} [subject] The process or path. @returns {Doc | undefined} */
export function gapOf(doc, section, field, subject) {
    const gaps = (doc.gaps ?? []).filter((/** @type {Doc} */ gap) => gap.section === section
        && (gap.field === field || gap.field.endsWith(`.${field}`) || field.startsWith(`${gap.field}.`)));
    return gaps.find((/** @type {Doc} */ gap) => subject === undefined || gap.subjects.includes(subject)) ?? gaps[0];
}

/** What stands where the value of an unreadable field would.
 * @param {Doc} doc @param {string} section @param {string} field @param {any} [subject] */
export function unseen(doc, section, field, subject) {
    const gap = gapOf(doc, section, field, subject);
    const why = gap ? reasonWords(gap.reason) : 'not readable';
    return h('span', { class: 'gap', title: `${field}: ${why}${gap?.needs ? `; needs ${gap.needs}` : ''}` }, '? ', h('small', null, why));
}

/** A value, what is in its place where it could not be read, or a dash where it does not apply.
 * @param {Doc} doc @param {string} section @param {string} field @param {any} value
 * @param {(value: any) => Child} [format] @param {any} [subject] @returns {Child} */
export function seen(doc, section, field, value, format = shown, subject) {
    if (value === null) return unseen(doc, section, field, subject);
    if (value === undefined) return h('span', { class: 'none', title: 'does not apply' }, '–');
    return format(value);
}

/** What a table without rows says: that there is nothing only where all of it was seen.
 * @param {Doc} doc @param {string} section @param {string} none */
export function noneOf(doc, section, none) {
    const gap = (doc.gaps ?? []).find((/** @type {Doc} */ one) => one.section === section);
    return gap ? `? Not seen, or not all of it: ${reasonWords(gap.reason)}` : none;
}

/** @param {Doc[]} gaps */
export function unseenList(gaps) {
    if (!gaps.length) return [];
    return h('details', { class: 'unseen', 'data-key': 'unseen' },
        h('summary', null, `Not seen: ${gaps.length} ${gaps.length === 1 ? 'entry' : 'entries'}`),
        h('ul', null, gaps.map(gap => h('li', null,
            h('span', { class: 'gap' }, '? '), h('code', null, `${gap.section}.${gap.field}`),
            ` of ${gap.subjects.slice(0, 4).map((/** @type {any} */ one) => cut(shown(one), 60)).join(', ')}${gap.count > 4 ? `, … (${gap.count})` : ''}: `,
            reasonWords(gap.reason), gap.errno && ` (${gap.errno})`,
            gap.needs && h('span', { class: 'needs' }, ` – needs ${shown(gap.needs)}`)))),
        h('p', null, h('a', { href: '#/access' }, 'How to see it')));
}
