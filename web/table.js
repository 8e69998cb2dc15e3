// Tables: sorted, filtered, with keyed rows. Of a long one only the visible rows are in the document.

import { cut, h, shown } from './dom.js';

/** @typedef {import('./dom.js').Child} Child */
/**
 * @typedef {object} Column
 * @property {string} id
 * @property {string} title
 * @property {(row: any) => any} value What it is sorted by, and by which a change is seen.
 * @property {(row: any) => Child | Child[]} [cell] What is shown; else the value.
 * @property {(row: any) => any} [also] What a change is seen by, beside the value.
 * @property {boolean} [number]
 * @property {boolean} [wide] Takes what room there is.
 * @property {1 | 2 | 3} [rank] From 2 on it is left out where there is little room.
 */
/**
 * @typedef {object} Spec
 * @property {string} caption
 * @property {Column[]} columns
 * @property {(row: any) => string | number} key
 * @property {(row: any) => string} [search] The text that the filter looks in; none, no filter.
 * @property {string} [sort] The column it is sorted by at first; `-id` backwards.
 * @property {boolean} [wrap] Rows may be of several lines; then all of them are in the document.
 * @property {string} [empty] What is said where there is no row.
 * @property {(row: any) => string} [rowClass]
 * @property {(sorted: boolean) => void} [onsort]
 */

/** Up to this length a table is in the document as a whole. */
const ALL = 100;
/** Rows above and below the visible ones. */
const BESIDE = 10;

export class Table {
    /** @param {Spec} spec @param {{sort?: string, filter?: string}} state */
    constructor(spec, state) {
        this.spec = spec;
        this.state = state;
        state.sort ??= spec.sort ?? '';
        state.filter ??= '';
        /** @type {any[]} */
        this.rows = [];
        /** @type {any[]} */
        this.visible = [];
        /** @type {Map<string | number, {tr: HTMLElement, said: string[], cells: HTMLElement[]}>} */
        this.made = new Map();
        this.rowHeight = 0;
        this.shown = [-1, -1];
        this.build();
        this.onscroll = () => this.window(false);
        this.onprint = () => this.window(true, true);
        if (!spec.wrap) {
            addEventListener('scroll', this.onscroll, { passive: true });
            addEventListener('resize', this.onscroll, { passive: true });
            addEventListener('beforeprint', this.onprint);
        }
    }

    drop() {
        removeEventListener('scroll', this.onscroll);
        removeEventListener('resize', this.onscroll);
        removeEventListener('beforeprint', this.onprint);
    }

    build() {
        const { spec, state } = this;
        this.headers = spec.columns.map(column => h('th', { scope: 'col', class: classOf(column) },
            h('button', { type: 'button', onclick: () => this.sortBy(column) }, column.title, h('span', { class: 'order', 'aria-hidden': 'true' }))));
        this.above = h('tr', { class: 'spacer', 'aria-hidden': 'true' });
        this.below = h('tr', { class: 'spacer', 'aria-hidden': 'true' });
        this.body = h('tbody', null);
        this.table = h('table', { class: spec.wrap ? 'wrap' : 'rows' }, h('caption', { class: 'away' }, spec.caption),
            h('thead', null, h('tr', null, this.headers)), this.body);
        this.counted = h('output', { class: 'counted', 'aria-live': 'polite' });
        const bar = h('div', { class: 'bar' });
        if (spec.search) {
            const filter = /** @type {HTMLInputElement} */ (h('input', { type: 'search', class: 'filter', placeholder: 'Filter', 'aria-label': `Filter: ${spec.caption}`,
                oninput: () => { state.filter = filter.value; this.arrange(); } }));
            filter.value = state.filter ?? '';
            bar.append(filter);
        }
        bar.append(this.counted);
        this.nothing = h('p', { class: 'nothing', hidden: true });
        this.scroller = h('div', { class: 'scroller', role: 'region', tabindex: '0', 'aria-label': spec.caption }, this.table);
        this.element = h('div', { class: 'table' }, spec.search ? bar : null, this.scroller, this.nothing);
    }

    /** @param {Column} column */
    sortBy(column) {
        const { sort } = this.state;
        const first = column.number ? `-${column.id}` : column.id;
        const second = column.number ? column.id : `-${column.id}`;
        this.state.sort = sort === first ? second : sort === second ? this.spec.sort ?? '' : first;
        this.spec.onsort?.(this.state.sort !== (this.spec.sort ?? ''));
        this.arrange();
    }

    /** @param {any[]} rows @param {string} [empty] What is said where there is no row, this time. */
    update(rows, empty) {
        this.rows = rows;
        this.empty = empty ?? this.spec.empty ?? 'None.';
        this.arrange();
    }

    arrange() {
        const { spec, state } = this;
        const wanted = (state.filter ?? '').trim().toLowerCase().split(/\s+/).filter(Boolean);
        const { search } = spec;
        let rows = search && wanted.length
            ? this.rows.filter(row => { const text = search(row).toLowerCase(); return wanted.every(word => text.includes(word)); })
            : [...this.rows];
        const down = state.sort?.startsWith('-');
        const by = spec.columns.find(column => column.id === (down ? state.sort?.slice(1) : state.sort));
        if (by) {
            const sign = down ? -1 : 1;
            // What is not known is last either way.
            rows.sort((one, other) => order(by.value(one), by.value(other), sign));
        }
        spec.columns.forEach((column, index) => {
            const header = this.headers?.[index];
            if (column === by) header?.setAttribute('aria-sort', down ? 'descending' : 'ascending');
            else header?.removeAttribute('aria-sort');
        });
        this.visible = rows;
        const known = new Set(rows.map(spec.key));
        for (const [key, made] of this.made) {
            if (!known.has(key)) {
                made.tr.remove();
                this.made.delete(key);
            }
        }
        const all = this.rows.length;
        const said = rows.length === all ? `${all.toLocaleString('en')}` : `${rows.length.toLocaleString('en')} of ${all.toLocaleString('en')}`;
        if (this.counted && this.counted.textContent !== said) this.counted.textContent = said;
        this.nothing?.toggleAttribute('hidden', rows.length > 0);
        if (this.nothing) this.nothing.textContent = all && !rows.length ? 'Nothing matches the filter.' : this.empty ?? '';
        this.scroller?.toggleAttribute('hidden', rows.length === 0);
        this.table?.setAttribute('aria-rowcount', String(rows.length + 1));
        this.window(true);
    }

    /** Puts the visible rows into the document.
     * @param {boolean} changed @param {boolean} [all] */
    window(changed, all = false) {
        const { body, above, below, visible } = this;
        if (!body || !above || !below) return;
        let [from, to] = [0, visible.length];
        if (!all && !this.spec.wrap && visible.length > ALL) {
            if (!this.rowHeight) this.rowHeight = this.measure();
            const top = body.getBoundingClientRect().top;
            from = Math.max(0, Math.floor(-top / this.rowHeight) - BESIDE);
            from -= from % 2;
            to = Math.min(visible.length, Math.ceil((innerHeight - top) / this.rowHeight) + BESIDE);
            from = Math.min(from, Math.max(0, visible.length - 1));
            to = Math.max(from, to);
        }
        if (!changed && from === this.shown[0] && to === this.shown[1]) return;
        this.shown = [from, to];
        above.style.height = `${from * this.rowHeight}px`;
        below.style.height = `${(visible.length - to) * this.rowHeight}px`;
        const rows = visible.slice(from, to).map((row, index) => this.row(row, from + index));
        const children = [...(from > 0 ? [above] : []), ...rows, ...(to < visible.length ? [below] : [])];
        place(body, children);
    }

    measure() {
        const first = this.row(this.visible[0], 0);
        this.body?.append(first);
        return first.getBoundingClientRect().height || 32;
    }

    /** @param {any} row @param {number} index */
    row(row, index) {
        const { spec } = this;
        const key = spec.key(row);
        let made = this.made.get(key);
        if (!made) {
            const cells = spec.columns.map(column => h('td', { class: classOf(column) }));
            made = { tr: h('tr', null, cells), said: [], cells };
            this.made.set(key, made);
        }
        made.tr.setAttribute('aria-rowindex', String(index + 2));
        if (spec.rowClass) made.tr.className = spec.rowClass(row);
        for (const [at, column] of spec.columns.entries()) {
            const value = column.value(row);
            const said = JSON.stringify([value, column.also?.(row)]);
            if (said === made.said[at]) continue;
            made.said[at] = said;
            const content = column.cell ? [column.cell(row)].flat() : [shown(value)];
            const cell = made.cells[at];
            cell?.replaceChildren(.../** @type {(Node | string)[]} */ (content.filter(child => child !== null && child !== undefined && child !== false)
                .map(child => (child instanceof Node ? child : spec.wrap ? String(child) : cut(String(child), 300)))));
        }
        return made.tr;
    }
}

/** @param {Column} column */
const classOf = column => `${column.number ? 'number' : ''} ${column.wide ? 'wide' : ''} r${column.rank ?? 1}`.trim();

/** @param {any} one @param {any} other @param {number} sign */
function order(one, other, sign) {
    const [noOne, noOther] = [one === null || one === undefined || one === '', other === null || other === undefined || other === ''];
    if (noOne || noOther) return noOne && noOther ? 0 : noOne ? 1 : -1;
    if (typeof one === 'number' && typeof other === 'number') return sign * (one - other);
    return sign * String(one).localeCompare(String(other), 'en', { numeric: true });
}

/** Makes these the children, moving only what is not at its place: what has the focus keeps it.
 * @param {HTMLElement} parent @param {HTMLElement[]} children */
function place(parent, children) {
    const wanted = new Set(children);
    for (const child of [...parent.children]) if (!wanted.has(/** @type {HTMLElement} */ (child))) child.remove();
    let next = parent.firstElementChild;
    for (const child of children) {
        if (child === next) next = next.nextElementSibling;
        else parent.insertBefore(child, next);
    }
}
