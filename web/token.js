// The token. This module is loaded before all others: it takes the token out of the address bar.
// It is kept in memory; in sessionStorage only where the reader asks for that.

const KEY = 'spyhole-token';
const FRAGMENT = '#token=';

/** @returns {string} What the fragment brought, which is then no longer in the address. */
function takeFragment() {
    const { hash, pathname, search } = location;
    if (!hash.startsWith(FRAGMENT)) return '';
    history.replaceState(null, '', pathname + search);
    const text = hash.slice(FRAGMENT.length);
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

/** @param {(storage: Storage) => string | null | void} use */
function stored(use) {
    // A browser may refuse storage altogether.
    try {
        return use(sessionStorage) ?? '';
    } catch {
        return '';
    }
}

const brought = takeFragment();
let token = brought || stored(storage => storage.getItem(KEY));
// Another token than the one that was kept: that one is of another server, or an earlier one.
if (brought) stored(storage => storage.removeItem(KEY));

export const current = () => token;

export const isKept = () => stored(storage => storage.getItem(KEY)) !== '';

/** @param {string} value @param {boolean} keep Whether to keep it until the tab is closed. */
export function set(value, keep) {
    token = value;
    stored(storage => (keep && value ? storage.setItem(KEY, value) : storage.removeItem(KEY)));
}
