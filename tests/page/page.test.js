// The page, in a real browser, against a real server beside a real container.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { browserPath, startBrowser } from './browser.js';
import { startTarget, stopAll } from './sample/target.js';
import { forward, startServer } from './sample/server.js';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {{dialogs: string[], errors: string[], urls: string[], referrers: string[]}} Seen */

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TABS = ['overview', 'processes', 'sockets', 'resources', 'environment', 'mounts', 'files', 'network', 'certificates', 'capabilities', 'access', 'probes', 'metrics', 'raw'];
const skip = browserPath() ? false : 'chromium is missing (scripts/prepare installs it)';
const options = { skip, timeout: 300_000 };

/** @type {import('playwright-core').Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof startTarget>>} */
let target;
/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof forward>>} */
let port;

before(async () => {
    if (skip) return;
    [browser, target] = await Promise.all([startBrowser(), startTarget({ env: { PAGE_TEST: 'value' } })]);
    server = await startServer(target, { args: ['--allow-files', '--probe', 'web=tcp:127.0.0.1:8080'] });
    port = await forward(server);
});

after(async () => {
    await browser?.close();
    await stopAll();
});

/** A page that notes what must not be. @param {import('playwright-core').BrowserContextOptions} [how]
 * @returns {Promise<{page: Page, seen: Seen, close: () => Promise<void>}>} */
async function newPage(how = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...how });
    const page = await context.newPage();
    /** @type {Seen} */
    const seen = { dialogs: [], errors: [], urls: [], referrers: [] };
    page.on('dialog', dialog => { seen.dialogs.push(dialog.message()); void dialog.dismiss(); });
    // What the browser refuses by the policy is an error of its console as well.
    page.on('console', message => { if (message.type() === 'error' || message.type() === 'warning') seen.errors.push(message.text()); });
    page.on('pageerror', error => seen.errors.push(String(error)));
    page.on('request', request => { seen.urls.push(request.url()); seen.referrers.push(request.headers().referer ?? ''); });
    await page.addInitScript(() => {
        addEventListener('securitypolicyviolation', event => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
    });
    return { page, seen, close: () => context.close() };
}

/** @param {Page} page @param {string} [hash] */
async function open(page, hash = 'overview', at = port, token = server.token) {
    await page.goto(`${at.url}#token=${token}`);
    await page.locator('#frame').waitFor();
    await show(page, hash);
}

/** @param {Page} page @param {string} hash */
async function show(page, hash) {
    await page.evaluate(to => { location.hash = `#/${to}`; }, hash);
    await settled(page, hash.split('/')[0] ?? hash);
}

/** @param {Page} page @param {string} tab */
async function settled(page, tab) {
    await page.locator(`#main.tab-${tab}:not([aria-busy]) h1`).waitFor();
}

/** @param {Seen} seen @param {RegExp} [but] */
function nothingWrong(seen, but) {
    assert.deepEqual(seen.dialogs, []);
    assert.deepEqual(seen.errors.filter(error => !but?.test(error)), []);
}

test('a token in the fragment signs in and leaves no trace', options, async () => {
    const { page, seen, close } = await newPage();
    await page.goto(`${port.url}#token=${server.token}`);
    await page.locator('#frame').waitFor();
    await settled(page, 'overview');
    assert.ok(!page.url().includes(server.token));
    for (const tab of ['sockets', 'files']) await show(page, tab);
    await page.goBack();
    await page.goBack();
    assert.ok(!page.url().includes(server.token), 'no entry of the history has it');
    for (const url of seen.urls.filter(url => !url.includes('#'))) assert.ok(!url.includes(server.token), url);
    assert.ok(seen.referrers.every(referrer => !referrer.includes(server.token)));
    const lines = port.heard().split('\r\n').filter(line => / HTTP\/1\.1$/.test(line) || /^referer:/i.test(line));
    assert.ok(lines.length > 5);
    for (const line of lines) assert.ok(!line.includes(server.token), line);
    assert.ok(port.heard().includes(`Bearer ${server.token}`), 'it is where it belongs');
    assert.ok(!server.log().includes(server.token));
    assert.equal(await page.evaluate(() => sessionStorage.length + localStorage.length + document.cookie.length), 0);
    nothingWrong(seen);
    await close();
});

test('without a token it is asked for; a wrong one is refused; it is kept only where that was ticked', options, async () => {
    const { page, seen, close } = await newPage();
    await page.goto(port.url);
    await page.locator('#signin').waitFor();
    await page.locator('#token').fill('wrong-token-wrong-token');
    await page.keyboard.press('Enter');
    await page.getByText('does not accept this token').waitFor();
    assert.equal(await page.locator('#frame').isVisible(), false);
    await page.locator('#token').fill(server.token);
    await page.keyboard.press('Enter');
    await settled(page, 'overview');
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    await page.reload();
    await page.locator('#signin').waitFor();
    await page.locator('#token').fill(server.token);
    await page.locator('#remember').check();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await settled(page, 'overview');
    await page.reload();
    await settled(page, 'overview');
    await page.locator('#session summary').click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.locator('#signin').waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    assert.ok(!page.url().includes(server.token));
    nothingWrong(seen, /status of 401/);
    await close();
});

test('a server that was started again has another token, which is asked for', options, async () => {
    const { page, seen, close } = await newPage();
    const [first, second] = await Promise.all([startServer(target), startServer(target)]);
    const at = await forward(first);
    await open(page, 'processes', at, first.token);
    at.lead(second);
    await first.stop();
    await page.locator('#refresh').click();
    await page.getByText('does not accept this token').waitFor();
    await page.locator('#token').fill(second.token);
    await page.keyboard.press('Enter');
    await page.locator('td a', { hasText: /^1$/ }).waitFor();
    // Nothing answers for a while: what was shown stays, and the page goes on by itself.
    at.lead({ socket: '/nowhere' });
    await page.locator('#refresh').click();
    await page.getByText('What is shown is from before').waitFor();
    assert.ok(await page.locator('td a').first().isVisible());
    at.lead(second);
    await page.locator('#banner').waitFor({ state: 'hidden' });
    nothingWrong(seen, /status of 401|ERR_/);
    await close();
    at.stop();
    await second.stop();
});

test('every tab opens, without an error or a report of the policy, by one connection', options, async () => {
    const { page, seen, close } = await newPage();
    await open(page);
    await page.locator('.finding').first().waitFor();
    await page.locator('#rate').selectOption('0');
    let [now, most] = [0, 0];
    page.on('request', () => { now += 1; most = Math.max(most, now); });
    for (const event of /** @type {const} */ (['requestfinished', 'requestfailed'])) page.on(/** @type {any} */ (event), () => { now -= 1; });
    for (const tab of TABS) {
        await show(page, tab);
        if (tab === 'certificates') await page.waitForFunction(() => !/Asking/.test(document.querySelector('.part-served')?.textContent ?? 'Asking'));
        assert.ok((await page.locator('#main').innerText()).length > 40, tab);
        assert.equal(await page.locator(`#tabs a[aria-current]`).getAttribute('href'), `#/${tab}`);
    }
    assert.equal(most, 1, 'one request after another');
    nothingWrong(seen);
    await close();
});

test('processes are filtered and sorted, and each has a page', options, async () => {
    const { page, seen, close } = await newPage();
    await open(page, 'processes');
    const rows = page.locator('.part-list tbody tr');
    await page.locator('.filter').fill('checkout');
    await page.locator('.counted', { hasText: /^1 of / }).waitFor();
    assert.equal(await rows.count(), 1);
    assert.match(await rows.first().innerText(), /checkout/);
    await page.locator('.filter').fill('no such process');
    await page.getByText('Nothing matches the filter').waitFor();
    await page.locator('.filter').fill('');
    const pids = async () => (await page.locator('.part-list tbody td:first-child').allInnerTexts()).map(Number);
    await page.getByRole('button', { name: 'PID' }).click();
    const down = await pids();
    assert.deepEqual(down, [...down].sort((one, other) => other - one));
    assert.equal(await page.locator('th[aria-sort]').getAttribute('aria-sort'), 'descending');
    await page.getByRole('button', { name: 'PID' }).click();
    assert.deepEqual(await pids(), [...down].reverse());
    await page.locator('td a', { hasText: /^1$/ }).click();
    await page.locator('.part-environment td', { hasText: 'PAGE_TEST' }).waitFor();
    assert.match(await page.locator('.part-title').innerText(), /shop/);
    assert.match(await page.locator('.part-sockets').innerText(), /0\.0\.0\.0:8080/);
    assert.match(await page.locator('.part-files').innerText(), /\/dev\/null/);
    assert.match(await page.locator('.part-limits').innerText(), /open files/);
    assert.match(await page.locator('.part-facts').innerText(), /namespaces/);
    nothingWrong(seen);
    await close();
});

test('what the kernel knows is what the tabs show', options, async () => {
    const { page, seen, close } = await newPage({ acceptDownloads: true });
    await open(page, 'sockets');
    assert.match(await page.locator('.part-listeners').innerText(), /127\.0\.0\.1:9090[\s\S]*5\/4/, 'the accept queue that is full');
    await show(page, 'environment');
    const environment = await page.locator('.part-list').innerText();
    assert.match(environment, /API_TOKEN\s+redacted 21 bytes/);
    assert.match(environment, /LOG_LEVEL\s+info/);
    assert.ok(!environment.includes('hunter2'));
    await show(page, 'certificates');
    await page.getByText('older than on disk').waitFor();
    assert.match(await page.locator('.part-timeline').innerText(), /shop\.example[\s\S]*(89|90) d/);
    await show(page, 'capabilities');
    assert.match(await page.locator('.part-h-pod').innerText(), /restricted/);
    await show(page, 'probes');
    assert.match(await page.locator('.part-list').innerText(), /\/probe\/web\s+pass/);
    await show(page, 'network');
    assert.match(await page.locator('.part-dns').innerText(), /10\.43\.0\.10[\s\S]*cluster\.local/);
    await show(page, `files/${encodeURIComponent('/app/config.yaml')}`);
    await page.locator('.content').waitFor();
    assert.match(await page.locator('.content').innerText(), /listen: 0\.0\.0\.0:8080/);
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()]);
    assert.equal(download.suggestedFilename(), 'config.yaml');
    assert.match(readFileSync(await download.path(), 'utf8'), /^listen: 0\.0\.0\.0:8080/);
    await show(page, 'raw');
    const [document] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()]);
    assert.equal(JSON.parse(readFileSync(await document.path(), 'utf8')).schema, 'spyhole/v1');
    // Chosen while the answer to the choice before is on its way, and without a rate.
    await page.locator('#rate').selectOption('0');
    await page.locator('.part-choose select').first().selectOption('processes');
    await page.locator('.part-choose select').last().selectOption('table');
    await page.locator('.content', { hasText: /^USER +PID/ }).waitFor();
    await page.locator('.part-how', { hasText: 'spyhole processes -o table' }).waitFor();
    nothingWrong(seen);
    await close();
});

test('what is not seen says so at its place, with the command that would show it', options, async () => {
    const { page, seen, close } = await newPage();
    const stranger = await startServer(target, { uid: '4242' });
    const at = await forward(stranger);
    await open(page, 'processes', at, stranger.token);
    assert.match(await page.locator('tr', { hasText: 'checkout' }).innerText(), /\? not the same user/);
    assert.match(await page.locator('.unseen').innerText(), /Not seen/);
    await show(page, 'environment');
    assert.match(await page.locator('#main').innerText(), /\? not the same user/);
    await show(page, 'processes/1');
    await page.locator('.part-gaps-environment .gap').waitFor();
    const text = await page.locator('#main').innerText();
    assert.match(text, /Not seen/);
    assert.doesNotMatch(text, /holds no socket|no file open|no environment/, 'what was not seen is not none');
    await show(page, 'files');
    assert.match(await page.locator('.refused').innerText(), /--allow-files/);
    await show(page, 'access');
    assert.match(await page.locator('.part-remedies').innerText(), /kubectl debug/);
    nothingWrong(seen, /status of (403|503)/);
    await close();
    at.stop();
    await stranger.stop();
});

test('axe finds nothing on any tab in either theme', options, async () => {
    // The policy of the page refuses scripts that are not its own, this one too.
    const { page, close } = await newPage({ bypassCSP: true, viewport: { width: 1280, height: 420 } });
    await page.goto(port.url);
    await page.locator('#signin').waitFor();
    await page.addScriptTag({ content: axe });
    await judge(page, 'sign in');
    await page.locator('#token').fill(server.token);
    await page.keyboard.press('Enter');
    await settled(page, 'overview');
    await page.locator('.finding').first().waitFor();
    await page.locator('#rate').selectOption('0');
    for (const tab of [...TABS, 'processes/1', `files/${encodeURIComponent('/app/config.yaml')}`]) {
        await show(page, tab);
        await judge(page, tab);
    }
    await close();
});

/** @param {Page} page @param {string} where */
async function judge(page, where) {
    /** @type {[('light' | 'dark'), any][]} */
    const looks = [['light', ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']], ['dark', { type: 'rule', values: ['color-contrast'] }]];
    for (const [colorScheme, runOnly] of looks) {
        await page.emulateMedia({ colorScheme });
        const found = await page.evaluate(async only => {
            const result = await /** @type {any} */ (window).axe.run(document, { runOnly: only, resultTypes: ['violations'] });
            return result.violations.map((/** @type {any} */ one) => `${one.id}: ${one.nodes.slice(0, 3).map((/** @type {any} */ node) => node.html.slice(0, 200)).join(' | ')}`);
        }, runOnly);
        assert.deepEqual(found, [], `${where}, ${colorScheme}`);
    }
}

test('the keyboard alone reaches everything', options, async () => {
    const { page, seen, close } = await newPage();
    await page.goto(port.url);
    await page.locator('#token:focus').waitFor();
    await page.keyboard.type(server.token);
    await page.keyboard.press('Enter');
    await settled(page, 'overview');
    await page.locator('.finding').first().waitFor();
    await page.locator('#rate').selectOption('0');
    const focused = () => page.evaluate(() => { const one = document.activeElement; return `${one?.tagName} ${one?.getAttribute('href') ?? one?.id ?? ''} ${one?.textContent?.trim().slice(0, 30)}`; });
    /** @param {RegExp} wanted */
    const tabTo = async wanted => {
        for (let presses = 0; presses < 120; presses += 1) {
            await page.keyboard.press('Tab');
            if (wanted.test(await focused())) return;
        }
        assert.fail(`Tab does not lead to ${wanted}`);
    };
    await tabTo(/#\/processes Processes/);
    await page.keyboard.press('Enter');
    await settled(page, 'processes');
    await tabTo(/INPUT/);
    await page.keyboard.type('worker');
    await page.locator('.counted', { hasText: /^6 of / }).waitFor();
    await tabTo(/BUTTON .*PID/);
    await page.keyboard.press('Enter');
    await page.locator('th[aria-sort=descending]').waitFor();
    await tabTo(/#\/processes\/\d+/);
    await page.keyboard.press('Enter');
    await page.locator('.part-environment td').first().waitFor();
    assert.match(await page.locator('#main h1').innerText(), /worker/);
    // The link that leaves out the head.
    await page.evaluate(() => { (/** @type {HTMLElement} */ (document.activeElement)).blur(); });
    await page.locator('#skip').focus();
    await page.keyboard.press('Enter');
    assert.match(await focused(), /MAIN/);
    nothingWrong(seen, /status of 401/);
    await close();
});

test('on paper it is all of a tab, dark on white, without what is there to press', options, async () => {
    const { page, seen, close } = await newPage({ colorScheme: 'dark' });
    await open(page, 'environment');
    await page.emulateMedia({ media: 'print' });
    const paper = await page.evaluate(() => {
        const visible = (/** @type {Element} */ element) => element.checkVisibility();
        const brightness = (/** @type {Element} */ element) => {
            const [red = 0, green = 0, blue = 0] = (getComputedStyle(element).color.match(/[\d.]+/g) ?? []).map(Number);
            return (red + green + blue) / 3;
        };
        const main = /** @type {HTMLElement} */ (document.querySelector('#main'));
        return {
            pressed: [...document.querySelectorAll('button, .tabs a, input')].filter(visible).filter(element => !element.closest('th')).map(element => element.textContent),
            cut: [main, ...main.querySelectorAll('*')].filter(element => !element.closest('.away')).filter(element => getComputedStyle(element).overflowY !== 'visible' && element.scrollHeight > element.clientHeight + 1).map(element => element.className),
            pale: [...main.querySelectorAll('h1, td, p')].filter(visible).filter(element => brightness(element) > 150).map(element => element.textContent),
            text: main.innerText,
        };
    });
    assert.deepEqual(paper.pressed, []);
    assert.deepEqual(paper.cut, []);
    assert.deepEqual(paper.pale, []);
    assert.match(paper.text, /PAGE_TEST/);
    const pdf = await page.pdf({ format: 'A4' });
    assert.equal(pdf.subarray(0, 5).toString(), '%PDF-');
    nothingWrong(seen);
    await close();
});

test('a page below a path, and one that is hidden', options, async () => {
    const { page, seen, close } = await newPage();
    // A proxy that serves it below a path takes that path off.
    await page.route('**/below/a/path/**', async route => {
        const url = new URL(route.request().url());
        const answer = await route.fetch({ url: `${port.url}${url.pathname.replace('/below/a/path/', '')}${url.search}` });
        await route.fulfill({ response: answer });
    });
    await page.goto(`${port.url}below/a/path/#token=${server.token}`);
    await settled(page, 'overview');
    assert.equal(new URL(page.url()).pathname, '/below/a/path/');
    assert.ok(seen.urls.every(url => new URL(url).pathname.startsWith('/below/a/path/')), seen.urls.join(' '));
    await show(page, 'resources');
    // Hidden: no more requests, until it is looked at again.
    await page.evaluate(() => { Object.defineProperty(document, 'hidden', { get: () => /** @type {any} */ (window).isHidden, configurable: true }); /** @type {any} */ (window).isHidden = true; });
    await page.locator('#refresh').click();
    await page.waitForTimeout(2500);
    const before = seen.urls.length;
    await page.waitForTimeout(2500);
    assert.equal(seen.urls.length, before);
    await page.evaluate(() => { /** @type {any} */ (window).isHidden = false; document.dispatchEvent(new Event('visibilitychange')); });
    await page.waitForRequest(/v1\/resources/);
    nothingWrong(seen);
    await close();
});

test('a hostile target is text, and the layout holds', options, async () => {
    const evil = '<img src=x onerror=alert(1)><script>alert(2)</script>"\'><svg onload=alert(3)>';
    const bidi = 'safe\u202egnp.exe\u2066\u200b';
    const huge = 'N'.repeat(10_240);
    const hostile = await startTarget({
        program: 'hostile.py', args: [evil, bidi, huge, `--x=${evil}`], subject: '<img src=x onerror=alert(4)>\u202egnp',
        env: { [`<b>${'E'.repeat(10_240)}`]: evil, EVIL: evil, BIDI: bidi, HUGE: huge, '"><script>alert(5)</script>': 'x' },
        names: { '<img src=x onerror=alert(6)>': evil, [bidi]: bidi, ['L'.repeat(250)]: huge },
    });
    const beside = await startServer(hostile, { args: ['--allow-files', '--probe', 'a-b=tcp:127.0.0.1:8080'] });
    const at = await forward(beside);
    for (const width of [375, 1280]) {
        const { page, seen, close } = await newPage({ viewport: { width, height: 800 } });
        await open(page, 'overview', at, beside.token);
        await page.locator('#rate').selectOption('0');
        const pid = 1;
        for (const tab of [...TABS, `processes/${pid}`, `files/${encodeURIComponent('/data')}`, `files/${encodeURIComponent(`/data/${bidi}`)}`, `files/${encodeURIComponent(evil)}`, `files/${encodeURIComponent('/<script>alert(7)</script>')}`]) {
            await show(page, tab);
            if (tab === 'certificates') await page.waitForFunction(() => !/Asking/.test(document.querySelector('.part-served')?.textContent ?? 'Asking'));
            const state = await page.evaluate(() => ({
                wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
                made: document.querySelectorAll('main img, main script, main svg[onload], main iframe').length,
                hidden: /[\u202a-\u202e\u2066-\u2069\u200b]/.test(document.body.innerText + document.title),
            }));
            assert.deepEqual(state, { wide: 0, made: 0, hidden: false }, `${tab} at ${width}`);
        }
        await show(page, 'environment');
        const text = await page.locator('.part-list').innerText();
        assert.ok(text.includes(evil), 'markup is shown as it is');
        assert.ok(text.includes('safe\\u{202e}gnp.exe'), 'what reorders is written out');
        await show(page, 'processes/1');
        assert.ok((await page.locator('.part-facts').innerText()).includes('<img src=x onerror=alert(1)>'));
        nothingWrong(seen, /status of (400|404|503)/);
        await close();
    }
    at.stop();
    await beside.stop();
    await hostile.stop();
});
