// Elements, made without markup: what the target says goes in as text, never as HTML.

/** @typedef {Node | string | number | false | null | undefined} Child */

const SVG = 'http://www.w3.org/2000/svg';

/** @param {Element} element @param {Record<string, any>} attributes */
function dress(element, attributes) {
    for (const [name, value] of Object.entries(attributes)) {
        if (value === undefined || value === null || value === false) continue;
        if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
        else if (name === 'style') {
            const { style } = /** @type {HTMLElement} */ (element);
            for (const [property, to] of Object.entries(value)) style.setProperty(property, String(to));
        } else element.setAttribute(name, value === true ? '' : String(value));
    }
}

/** An element. `on…` are listeners, `style` is an object of properties.
 * @param {string} tag @param {Record<string, any> | null} [attributes] @param {...(Child | Child[])} children
 * @returns {HTMLElement} */
export function h(tag, attributes, ...children) {
    const element = document.createElement(tag);
    if (attributes) dress(element, attributes);
    for (const child of children.flat()) {
        if (child !== false && child !== null && child !== undefined) element.append(child instanceof Node ? child : String(child));
    }
    return element;
}

/** An element of SVG.
 * @param {string} tag @param {Record<string, any>} attributes @param {...Element} children */
export function svg(tag, attributes, ...children) {
    const element = document.createElementNS(SVG, tag);
    dress(element, attributes);
    element.append(...children);
    return element;
}

/** @param {string} id @returns {any} */
export const byId = id => document.getElementById(id);

// Control characters, and those that reorder or vanish.
// eslint-disable-next-line no-control-regex
const HIDDEN = /[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
/** @type {Record<string, string>} */
const SHORT = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text that the target wrote, with what would not show written out: `\u{202e}`.
 * @param {any} value A string, or the bytes of one that is not UTF-8. @returns {string} */
export function shown(value) {
    const text = typeof value === 'string' ? value : value?.lossy ?? (value === null || value === undefined ? '' : String(value));
    return text.replace(HIDDEN, (/** @type {string} */ found) => SHORT[found] ?? escape(found));
}

/** @param {string} found */
function escape(found) {
    const code = found.codePointAt(0) ?? 0;
    return code < 0x80 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

/** @param {string} text @param {number} most */
export const cut = (text, most) => (text.length > most ? `${text.slice(0, most)}…` : text);

/** Text of any length: what is beyond some lines is shown when asked for.
 * @param {any} value */
export function long(value) {
    const text = shown(value);
    if (text.length <= 400) return h('code', null, text);
    return h('details', { class: 'long', 'data-key': `long${text.length}${text.slice(0, 40)}` },
        h('summary', null, h('code', null, cut(text, 160)), h('small', null, ` ${text.length.toLocaleString('en')} characters`)),
        h('code', null, text));
}

/** A button that copies a text.
 * @param {string} text @param {string} [what] */
export function copyButton(text, what = 'Copy') {
    const button = h('button', { type: 'button', class: 'copy', 'data-key': `copy${text.slice(0, 60)}` }, what);
    button.addEventListener('click', async () => {
        button.textContent = (await copy(text)) ? 'Copied' : 'Not copied: select the text';
        setTimeout(() => { button.textContent = what; }, 1500);
    });
    return button;
}

/** @param {string} text */
async function copy(text) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        // Not over plain HTTP from another machine; the old way works there.
        const area = /** @type {HTMLTextAreaElement} */ (h('textarea', { class: 'away', 'aria-hidden': 'true' }));
        area.value = text;
        document.body.append(area);
        area.select();
        const done = document.execCommand('copy');
        area.remove();
        return done;
    }
}

/** Saves bytes as a file. @param {Blob} blob @param {string} name */
export function save(blob, name) {
    const link = /** @type {HTMLAnchorElement} */ (h('a', { download: name.replace(/[^\w.-]+/g, '_').slice(-80) || 'file' }));
    link.href = URL.createObjectURL(blob);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** A list of terms and what they are; those without a value are left out.
 * @param {[string, Child | Child[]][]} pairs */
export function facts(pairs) {
    return h('dl', { class: 'facts' }, pairs
        .filter(([, value]) => value !== undefined && value !== null && value !== '')
        .map(([name, value]) => h('div', null, h('dt', null, name), h('dd', null, value))));
}
