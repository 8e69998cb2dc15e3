// A chromium of its own for each run, with nothing of its user's.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The browser's program; with CI=true one that is missing is an error. */
export function browserPath() {
    const found = process.env.CHROMIUM ?? PLACES.find(existsSync);
    if (!found && process.env.CI === 'true') throw new Error('chromium is missing (scripts/prepare installs it)');
    return found;
}

export function startBrowser() {
    // Each launch has a new --user-data-dir and --headless.
    return chromium.launch({
        executablePath: browserPath(), headless: true,
        args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
}
