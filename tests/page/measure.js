// Measures what is not judged in the tests: how long the page keeps the browser busy while 500
// processes are scrolled through, and what the server uses while the page asks it every 2 s.
import { readFileSync } from 'node:fs';
import { startBrowser } from './browser.js';
import { startTarget, stopAll } from './sample/target.js';
import { forward, startServer } from './sample/server.js';

const workers = Number(process.env.PROCESSES ?? 500);
const target = await startTarget({ program: 'many.py', args: [String(workers)], nofile: 4096 });
const server = await startServer(target);
const port = await forward(server);
const browser = await startBrowser();
try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.addInitScript(() => {
        /** @type {number[]} */
        const tasks = [];
        Object.assign(window, { tasks });
        new PerformanceObserver(list => tasks.push(...list.getEntries().map(entry => entry.duration))).observe({ type: 'longtask', buffered: true });
    });
    await page.goto(`${port.url}#token=${server.token}`);
    await page.evaluate(() => { location.hash = '#/processes'; });
    await page.locator('.counted', { hasText: /\d{3}/ }).waitFor();
    await page.waitForTimeout(3000);
    const longest = async () => page.evaluate(() => { const { tasks } = /** @type {any} */ (window); const most = Math.max(0, ...tasks); const many = tasks.length; tasks.length = 0; return { most, many }; });
    await longest();
    for (let step = 0; step < 150; step += 1) {
        await page.mouse.wheel(0, step < 75 ? 400 : -400);
        await page.waitForTimeout(40);
    }
    const scrolled = await longest();
    const rows = await page.locator('.part-list tbody tr').count();
    console.log(`${workers} processes, ${rows} rows in the document: ${scrolled.many} tasks above 50 ms while scrolling and refreshing, the longest ${Math.round(scrolled.most)} ms`);
    await page.evaluate(() => { location.hash = '#/resources'; });
    await page.waitForTimeout(3000);
    const pid = server.pid();
    const used = () => { const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []; return [11, 12, 13, 14].reduce((all, at) => all + Number(fields[at]), 0) / 100; };
    const [start, from] = [used(), Date.now()];
    await page.waitForTimeout(20_000);
    const share = (100 * (used() - start)) / ((Date.now() - from) / 1000);
    const rss = /RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    console.log(`server at 2 s with all charts: ${share.toFixed(2)} % of a core, RssAnon ${(Number(rss) / 1024).toFixed(1)} MiB`);
} finally {
    await browser.close();
    await stopAll();
}
