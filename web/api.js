// What the server is asked. One request after another: a tab needs one connection.

import * as token from './token.js';

/** What the server did not answer as it was asked: RFC 9457. */
export class Problem extends Error {
    /** @param {number} status 0 where there was no answer. @param {string} detail */
    constructor(status, detail) {
        super(detail);
        this.status = status;
    }
}

/** @typedef {Record<string, any>} Doc A document of the server, or a part of one. */
/** @typedef {Record<string, string | number | boolean | undefined>} Params */
/** @typedef {{params?: Params, signal?: AbortSignal, range?: string}} Asked */

/** @type {Promise<unknown>} */
let last = Promise.resolve();

/** @param {string} path @param {Params} [params] */
export function address(path, params = {}) {
    const query = Object.entries(params)
        .filter(([, value]) => value !== undefined && value !== false)
        .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`);
    return path + (query.length ? `?${query.join('&')}` : '');
}

/** @param {string} path Relative to the page, so that it works below any path of a proxy.
 * @param {Asked} [asked] @returns {Promise<Response>} */
export function ask(path, { params, signal, range } = {}) {
    const turn = last.then(() => send(path, params, signal, range));
    last = turn.catch(() => undefined);
    return turn;
}

/** @param {string} path @param {Params | undefined} params @param {AbortSignal | undefined} signal
 * @param {string | undefined} range */
async function send(path, params, signal, range) {
    signal?.throwIfAborted();
    /** @type {Record<string, string>} */
    const headers = { Accept: 'application/json, text/plain' };
    if (token.current()) headers.Authorization = `Bearer ${token.current()}`;
    if (range) headers.Range = range;
    /** @type {Response} */
    let response;
    try {
        response = await fetch(address(path, params), {
            headers, signal, cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer',
        });
    } catch (error) {
        if (signal?.aborted) throw error;
        throw new Problem(0, 'the server does not answer');
    }
    if (!response.ok && !path.startsWith('probe/') && !path.endsWith('yz')) throw await problem(response);
    // The body belongs to the turn: the next request waits for its end.
    const body = await response.blob();
    return new Response(body, { status: response.status, headers: response.headers });
}

/** @param {Response} response */
async function problem(response) {
    let detail = `${response.status} ${response.statusText}`;
    try {
        detail = (await response.json()).detail ?? detail;
    } catch {
        // Not the server's: a proxy between.
    }
    return new Problem(response.status, detail);
}
