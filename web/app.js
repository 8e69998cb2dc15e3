// The page: signs in, chooses a tab by the address, and asks again at the rate that the reader picks.

import * as token from './token.js';
import { address, ask, Problem } from './api.js';
import { byId, cut, h, shown } from './dom.js';
import * as history from './history.js';
import { Page } from './page.js';
import { tabs } from './tabs.js';

/** @typedef {import('./api.js').Doc} Doc */
/** @typedef {import('./api.js').Params} Params */

/**
 * What a tab works with.
 * @typedef {object} Context
 * @property {Page} page
 * @property {string} arg What follows in the address: a pid, a path.
 * @property {(path: string, params?: Params) => Promise<Doc>} get JSON.
 * @property {(path: string, params?: Params) => Promise<string>} text
 * @property {(path: string, params?: Params, range?: string) => Promise<Response>} raw
 * @property {() => void} again Looks again now.
 * @property {(what: string, seconds: number) => boolean} due Whether something that costs more was last done so long ago.
 * @property {() => boolean} gone Whether another tab was chosen.
 */
/** @typedef {(context: Context, turn: number) => Promise<void>} Show Turn: 0 when it is opened, or asked to look again. */
/** @typedef {{id: string, title: string, group: string, show: Show}} Tab */

/** Turns by which a wait grows while the server does not answer. */
const SLOWEST = 15;

let signedIn = false;
let container = '';
/** @type {AbortController | undefined} */
let view;
/** @type {Page | undefined} */
let page;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** Ends the wait for the next turn. @type {(() => void) | undefined} */
let wake;
let fresh = false;

/** @returns {{tab: Tab, arg: string}} */
function route() {
    const [, id = '', rest = ''] = /^#\/([a-z]*)\/?(.*)$/s.exec(location.hash) ?? [];
    const tab = tabs.find(one => one.id === id) ?? tabs[0];
    let arg = rest;
    try {
        arg = decodeURIComponent(rest);
    } catch {
        // As it is written.
    }
    return { tab: /** @type {Tab} */ (tab), arg };
}

/** @param {Params} [params] */
const within = params => ({ ...(container ? { container } : {}), ...params });

/** @param {string} path @param {Params} [params] @param {string} [range] @param {AbortSignal} [signal] */
const inContainer = (path, params, range, signal) => ask(path, { params: path.startsWith('v1/') && path !== 'v1/server' && !params?.pid ? within(params) : params, range, signal });

async function open() {
    view?.abort();
    page?.drop();
    clearTimeout(timer);
    const own = new AbortController();
    view = own;
    const { tab, arg } = route();
    const main = byId('main');
    main.replaceChildren();
    main.className = `tab-${tab.id}`;
    scrollTo(0, 0);
    const shownPage = new Page(main, tab.id);
    page = shownPage;
    for (const link of byId('tabs').querySelectorAll('a')) {
        if (link.getAttribute('href') === `#/${tab.id}`) {
            link.setAttribute('aria-current', 'page');
            link.scrollIntoView({ block: 'nearest', inline: 'nearest' });
        } else link.removeAttribute('aria-current');
    }
    document.title = `${tab.title} · spyhole`;
    main.setAttribute('aria-busy', 'true');
    shownPage.title(tab.title, 'Looking …');
    /** @type {Map<string, Promise<Doc>>} */
    let asked = new Map();
    /** @type {Map<string, number>} */
    let done = new Map();
    /** @type {Context} */
    const context = {
        page: shownPage,
        arg,
        get: (path, params) => {
            const key = address(path, within(params));
            const answer = asked.get(key) ?? inContainer(path, params, undefined, own.signal).then(response => response.json()).then(noted);
            asked.set(key, answer);
            return answer;
        },
        text: async (path, params) => (await inContainer(path, params, undefined, own.signal)).text(),
        raw: (path, params, range) => inContainer(path, params, range, own.signal),
        again: () => { fresh = true; wake?.(); },
        due: (what, seconds) => {
            const now = performance.now();
            // A timer may fire a little early.
            if (now - (done.get(what) ?? -Infinity) < seconds * 1000 - 200) return false;
            done.set(what, now);
            return true;
        },
        gone: () => own.signal.aborted,
    };
    let failed = 0;
    for (let turn = 0; !own.signal.aborted; turn += 1) {
        if (fresh) {
            turn = 0;
            done = new Map();
        }
        fresh = false;
        asked = new Map();
        try {
            await tab.show(context, turn);
            if (!own.signal.aborted) answered();
            shownPage.clear('problem');
            failed = 0;
        } catch (error) {
            if (own.signal.aborted) return;
            if (error instanceof Problem && error.status === 401) {
                signOut('The server does not accept this token. If it was started again, it has a new one.');
                return;
            }
            const detail = error instanceof Error ? error.message : String(error);
            if (!(error instanceof Problem)) console.error(error);
            if (error instanceof Problem && (error.status === 0 || error.status === 503)) {
                failed = Math.min(failed + 1, SLOWEST);
                banner(`${detail[0]?.toUpperCase()}${detail.slice(1)}. What is shown is from before; trying again.`);
                // Again, once something answers.
                done = new Map();
            } else {
                if (turn === 0) shownPage.title(tab.title);
                shownPage.refused('problem', detail);
            }
        }
        main.removeAttribute('aria-busy');
        await rest(own.signal, failed);
    }
}

/** Waits for the next turn: the rate of the reader, and longer while nothing answers; in a hidden tab until
 * it is looked at again. @param {AbortSignal} signal @param {number} failed */
async function rest(signal, failed) {
    // Asked for during the last turn.
    if (fresh) return;
    const seconds = Number(byId('rate').value);
    await new Promise(resolve => {
        wake = () => resolve(undefined);
        signal.addEventListener('abort', () => resolve(undefined), { once: true });
        if (seconds || failed) timer = setTimeout(resolve, 1000 * Math.max(seconds, failed));
    });
    clearTimeout(timer);
    if (document.hidden && !signal.aborted) {
        await new Promise(resolve => {
            document.addEventListener('visibilitychange', resolve, { once: true });
            signal.addEventListener('abort', resolve, { once: true });
        });
    }
}

/** What each document tells beside what was asked for. @param {Doc} doc */
function noted(doc) {
    if (doc.target) {
        const { target } = doc;
        const name = [target.namespace, target.pod, target.container].filter(Boolean).join('/') || shown(target.comm);
        const text = `${cut(shown(name), 60)}`;
        const line = byId('target');
        if (line.dataset.name !== text) {
            line.dataset.name = text;
            line.replaceChildren(h('b', null, text), ` pid ${target.pid} · uid ${target.uid}`);
        }
        document.title = `${route().tab.title} · ${cut(text, 40)} · spyhole`;
    }
    if (doc.resources) history.takeResources(doc);
    if (doc.network) history.takeNetwork(doc);
    return doc;
}

function answered() {
    banner('');
    byId('pulse').textContent = `Updated ${new Date().toLocaleTimeString('en-GB')}`;
}

/** @param {string} text */
function banner(text) {
    const line = byId('banner');
    line.hidden = !text;
    line.textContent = text;
}

/** @param {string} reason */
function signOut(reason) {
    view?.abort();
    page?.drop();
    page = undefined;
    signedIn = false;
    token.set('', false);
    history.forget();
    banner('');
    byId('top').hidden = true;
    byId('frame').hidden = true;
    byId('main').replaceChildren();
    byId('signin').hidden = false;
    byId('reason').textContent = reason;
    byId('token').value = '';
    byId('token').focus();
    document.title = 'Sign in · spyhole';
}

/** Asks whether the token is right, and shows the page. */
async function signIn() {
    /** @type {Doc} */
    let doc;
    try {
        doc = await (await ask('v1/containers')).json();
    } catch (error) {
        const wrong = error instanceof Problem && error.status === 401;
        // Without a target there is no list, but the token was right.
        if (wrong) {
            signOut(token.current() ? 'The server does not accept this token.' : '');
            return;
        }
        doc = { containers: [] };
        if (error instanceof Problem && error.status === 0) {
            byId('signin').hidden = false;
            byId('reason').textContent = 'The server does not answer. Is the port still forwarded?';
            return;
        }
    }
    signedIn = true;
    byId('signin').hidden = true;
    byId('top').hidden = false;
    byId('frame').hidden = false;
    byId('keep').checked = token.isKept();
    byId('session').hidden = !token.current();
    chooseContainers(doc);
    await open();
}

/** @param {Doc} doc */
function chooseContainers(doc) {
    const all = doc.containers ?? [];
    byId('containers').hidden = all.length < 2;
    const select = byId('container');
    select.replaceChildren(...all.map((/** @type {Doc} */ one) => {
        const name = [one.namespace, one.pod, one.name ?? one.id?.slice(0, 12)].filter(Boolean).join('/') || words(one);
        const option = h('option', { value: `pid-${one.main_pid}` }, `${cut(shown(name), 40)} (${cut(shown(one.main_comm), 20)}${one.self ? ', spyhole' : ''})`);
        if (one.target) option.setAttribute('selected', '');
        return option;
    }));
}

/** @param {Doc} one */
const words = one => (one.kind === 'host' ? 'node' : `pid ${one.main_pid}`);

byId('tabs').append(...[...new Set(tabs.map(tab => tab.group))].map(group => h('div', { class: 'group' },
    h('h2', null, group), h('ul', null, tabs.filter(tab => tab.group === group).map(tab => h('li', null, h('a', { href: `#/${tab.id}` }, tab.title)))))));

byId('form').addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault();
    token.set(byId('token').value.trim(), byId('remember').checked);
    byId('reason').textContent = 'Signing in …';
    void signIn();
});
byId('keep').addEventListener('change', () => token.set(token.current(), byId('keep').checked));
byId('leave').addEventListener('click', () => signOut('Signed out.'));
byId('refresh').addEventListener('click', () => { fresh = true; wake?.(); });
byId('rate').addEventListener('change', () => wake?.());
byId('container').addEventListener('change', () => {
    container = byId('container').value;
    history.forget();
    void open();
});
byId('skip').addEventListener('click', (/** @type {Event} */ event) => {
    event.preventDefault();
    (signedIn ? byId('main') : byId('token')).focus();
});
document.addEventListener('keydown', event => {
    if (event.key === 'Escape') byId('session').open = false;
});
addEventListener('hashchange', () => {
    if (signedIn && location.hash.startsWith('#/')) void open().then(() => undefined);
    // A token that is pasted into the address of an open page.
    else if (location.hash.startsWith('#token=')) location.reload();
});

void signIn();
