// The content of a tab: parts that are made once and changed only where the data did.

import { cut, h } from './dom.js';
import { unseenList } from './gaps.js';
import { Table } from './table.js';

/** @typedef {import('./dom.js').Child} Child */
/** @typedef {import('./api.js').Doc} Doc */

/** What outlives a tab that is left: its filter and order. @type {Map<string, any>} */
const remembered = new Map();

export class Page {
    /** @param {HTMLElement} root @param {string} name */
    constructor(root, name) {
        this.root = root;
        this.name = name;
        /** @type {Map<string, {element: HTMLElement, data: string, table?: Table}>} */
        this.parts = new Map();
    }

    /** @param {string} name @param {string} tag */
    part(name, tag) {
        let part = this.parts.get(name);
        if (!part) {
            part = { element: h(tag, { class: `part part-${name}` }), data: '' };
            this.parts.set(name, part);
            this.root.append(part.element);
        }
        return part;
    }

    /** A part of the page; built anew where `data` changed.
     * @param {string} name @param {any} data @param {() => Child | Child[]} build */
    slot(name, data, build) {
        const part = this.part(name, 'section');
        const now = JSON.stringify(data) ?? '';
        if (now === part.data) return;
        part.data = now;
        const open = [...part.element.querySelectorAll('details[open][data-key]')].map(keyOf);
        const focused = part.element.contains(document.activeElement) ? keyOf(document.activeElement) : null;
        const made = [build()].flat().filter(child => child !== false && child !== null && child !== undefined);
        part.element.replaceChildren(.../** @type {(Node | string)[]} */ (/** @type {unknown} */ (made)));
        for (const details of part.element.querySelectorAll('details[data-key]')) {
            if (open.includes(keyOf(details))) details.setAttribute('open', '');
        }
        if (focused) {
            const again = [...part.element.querySelectorAll('[data-key]')].find(one => keyOf(one) === focused);
            if (again instanceof HTMLElement) again.focus();
        }
    }

    /** A table, of which only changed cells are made anew.
     * @param {string} name @param {import('./table.js').Spec} spec @param {any[]} rows @param {string} [empty] */
    table(name, spec, rows, empty) {
        const part = this.part(name, 'section');
        if (!part.table) {
            const key = `${this.name}/${name}`;
            if (!remembered.has(key)) remembered.set(key, {});
            part.table = new Table(spec, remembered.get(key));
            part.element.append(/** @type {HTMLElement} */ (part.table.element));
        }
        part.table.update(rows, empty);
        return part.table;
    }

    /** The heading. @param {string} title @param {Child} [note] */
    title(title, note) {
        this.slot('title', [title, note instanceof Node ? note.textContent : note], () => [h('h1', null, title), note && h('p', { class: 'note' }, note)]);
    }

    /** What could not be read of these sections.
     * @param {Doc[]} docs @param {string[]} sections */
    unseen(docs, sections) {
        const gaps = docs.flatMap(doc => doc.gaps ?? []).filter(gap => sections.includes(gap.section));
        this.slot('unseen', gaps, () => unseenList(gaps));
    }

    /** That something was not answered, at its place. @param {string} name @param {string} detail */
    refused(name, detail) {
        this.slot(name, ['refused', detail], () => h('p', { class: 'refused' }, cut(detail, 2000)));
    }

    /** @param {string} name */
    clear(name) {
        if (this.parts.has(name)) this.slot(name, '', () => []);
    }

    drop() {
        for (const part of this.parts.values()) part.table?.drop();
    }
}

/** @param {Element | null} element */
const keyOf = element => element?.getAttribute('data-key') ?? null;
