// Numbers and times, as people read them.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** @param {number} value */
export function bytes(value) {
    let unit = 0;
    let scaled = value;
    while (Math.abs(scaled) >= 1024 && unit < UNITS.length - 1) {
        scaled /= 1024;
        unit += 1;
    }
    return `${unit && Math.abs(scaled) < 10 ? scaled.toFixed(1) : Math.round(scaled)} ${UNITS[unit]}`;
}

/** @param {number} value */
export const count = value => value.toLocaleString('en');

/** @param {number} value */
export const percent = value => `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;

/** @param {number} value */
export const cores = value => value.toFixed(value < 10 ? 2 : 1);

/** A limit: a number or `unlimited`. @param {any} value @param {string | undefined} unit */
export function limit(value, unit) {
    if (typeof value !== 'number') return String(value);
    return unit === 'bytes' ? bytes(value) : unit === 'seconds' || unit === 'microseconds' ? `${count(value)} ${unit}` : count(value);
}

/** @param {number} seconds */
export function duration(seconds) {
    const s = Math.max(0, Math.floor(seconds));
    if (s < 60) return `${s} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min`;
    if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
    if (s < 86400 * 60) return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
    return `${count(Math.floor(s / 86400))} d`;
}

/** @param {string} at */
export const date = at => at.slice(0, 10);

/** To the second, in UTC as everywhere. @param {string} at */
export const moment = at => `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`;

/** How long before `now`. @param {string} at @param {string} now */
export const since = (at, now) => duration((Date.parse(now) - Date.parse(at)) / 1000);

/** @param {string} word */
export const words = word => word.replaceAll('_', ' ');

/** An address with its port. @param {string} address @param {number} [port] */
export const endpoint = (address, port) => `${address.includes(':') ? `[${address}]` : address}${port === undefined ? '' : `:${port}`}`;
