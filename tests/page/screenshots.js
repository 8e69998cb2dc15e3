// Takes the pictures of docs/img: a shop in trouble, in both themes and on a narrow screen.
import { mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBrowser } from './browser.js';
import { startTarget, stopAll } from './sample/target.js';
import { forward, startServer } from './sample/server.js';

/** @type {{name: string, hash: string, theme: 'light' | 'dark', width: number, height: number, wait?: string, stay?: number}[]} */
const PICTURES = [
    { name: 'page-resources', hash: 'resources', theme: 'dark', width: 1180, height: 760, stay: Number(process.env.STAY ?? 100) },
    { name: 'page-overview', hash: 'overview', theme: 'light', width: 1180, height: 720, wait: '.finding', stay: 5 },
    { name: 'page-processes', hash: 'processes', theme: 'light', width: 1180, height: 620, stay: 5 },
    { name: 'page-certificates', hash: 'certificates', theme: 'dark', width: 1180, height: 620, wait: '.served-list' },
];
const LARGEST = 150 << 10;

const folder = join(dirname(fileURLToPath(import.meta.url)), '../../docs/img');
mkdirSync(folder, { recursive: true });
const target = await startTarget({ files: 205, cgroup: true, fill: 0.97, env: { BUSY: '1.3' } });
const server = await startServer(target, { args: ['--allow-files'] });
const port = await forward(server);
const browser = await startBrowser();
try {
    const page = await browser.newPage();
    await page.goto(`${port.url}#token=${server.token}`);
    await page.locator('#frame').waitFor();
    for (const { name, hash, theme, width, height, wait, stay = 1 } of PICTURES) {
        await page.setViewportSize({ width, height });
        await page.emulateMedia({ colorScheme: theme });
        await page.evaluate(to => { location.hash = `#/${to}`; }, hash);
        await page.locator(`#main.tab-${hash}:not([aria-busy]) h1`).waitFor();
        if (wait) await page.locator(wait).first().waitFor();
        // The charts need something to show.
        await page.waitForTimeout(stay * 1000);
        const path = join(folder, `${name}.png`);
        await page.screenshot({ path });
        const { size } = statSync(path);
        console.log(`${path} ${Math.ceil(size / 1024)} KiB`);
        if (size > LARGEST) throw new Error(`${path} is larger than ${LARGEST} bytes`);
    }
} finally {
    await browser.close();
    await stopAll();
}
