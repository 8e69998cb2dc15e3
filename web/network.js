// Interfaces, addresses, routes, names and counters.

import { cut, facts, h, shown } from './dom.js';
import { bytes, count, percent, words } from './format.js';
import { seen, unseen } from './gaps.js';

/** @typedef {import('./api.js').Doc} Doc */

/** Counters that should not grow. */
const BAD = /drop|overflow|error|fail|abort|discard|full|without|no_listener/;

/** @type {import('./app.js').Show} */
export async function network({ page, get, due }) {
    if (!due('network', 4)) return;
    const doc = await get('v1/network');
    const net = doc.network;
    if (!net) {
        page.title('Network', unseen(doc, 'network', 'network'));
        return;
    }
    page.title('Network', `From ${words(net.source ?? 'the kernel')}, as the target's main process sees it`);
    const addressesOf = (/** @type {any} */ name) => (net.addresses ?? []).filter((/** @type {Doc} */ one) => shown(one.interface) === name).map((/** @type {Doc} */ one) => `${one.address}/${one.prefix_length}`);
    page.slot('h-interfaces', 1, () => h('h2', null, 'Interfaces'));
    page.table('interfaces', {
        caption: 'Interfaces', key: row => shown(row.name) + row.index, wrap: true, empty: net.interfaces === null ? 'Not readable.' : 'None.',
        columns: [
            { id: 'name', title: 'Name', value: row => shown(row.name), cell: row => h('b', null, cut(shown(row.name), 40)) },
            { id: 'state', title: 'State', value: row => row.state, also: row => row.flags, cell: row => (row.flags?.includes('up') ? 'up' : words(row.state ?? '–')) },
            { id: 'addresses', title: 'Addresses', wide: true, value: row => addressesOf(shown(row.name)).join(' '), cell: row => (net.addresses === null ? unseen(doc, 'network', 'addresses') : h('code', null, addressesOf(shown(row.name)).join(' ') || '–')) },
            { id: 'received', title: 'Received', number: true, value: row => row.received?.bytes, cell: row => seen(doc, 'network', 'interfaces.received', row.received, one => bytes(one.bytes)) },
            { id: 'sent', title: 'Sent', number: true, value: row => row.sent?.bytes, cell: row => seen(doc, 'network', 'interfaces.sent', row.sent, one => bytes(one.bytes)) },
            { id: 'lost', title: 'Errors, drops', number: true, value: row => (row.received ? row.received.errors + row.received.dropped + (row.sent?.errors ?? 0) + (row.sent?.dropped ?? 0) : row.received), cell: row => seen(doc, 'network', 'interfaces.received', row.received, one => count(one.errors + one.dropped + (row.sent?.errors ?? 0) + (row.sent?.dropped ?? 0))) },
            { id: 'mtu', title: 'MTU', number: true, rank: 2, value: row => row.mtu_bytes },
        ],
    }, net.interfaces ?? []);
    page.slot('dns', [net.dns ?? null], () => {
        if (net.dns === undefined) return [];
        if (net.dns === null) return [h('h2', null, 'Names'), h('p', null, unseen(doc, 'network', 'dns'))];
        const { resolv_conf: conf, hosts, nsswitch_hosts: nss, resolver, ignored = [] } = net.dns;
        return [h('h2', null, 'Names'), facts([
            ['resolver', resolver === undefined ? undefined : seen(doc, 'network', 'dns.resolver', resolver, words)],
            ['servers', seen(doc, 'network', 'dns.resolv_conf', conf, one => one.name_servers.join(', ') || 'none')],
            ['search', conf?.search?.map((/** @type {any} */ one) => cut(shown(one), 100)).join(', ')],
            ['ndots', conf && String(conf.ndots)],
            ['timeout, attempts', conf && `${conf.timeout_seconds} s, ${conf.attempts}`],
            ['order', nss === undefined ? undefined : seen(doc, 'network', 'dns.nsswitch_hosts', nss, one => one.map(shown).join(', '))],
            ['ignored', ignored.join(', ')],
        ]), hosts?.length ? h('details', { 'data-key': 'hosts' }, h('summary', null, `/etc/hosts: ${hosts.length}`), h('ul', { class: 'plain' }, hosts.slice(0, 500).map((/** @type {Doc} */ one) => h('li', null, h('code', null, `${one.address}  ${cut(one.names.map(shown).join(' '), 300)}`))))) : hosts === null && h('p', null, unseen(doc, 'network', 'dns.hosts'))];
    });
    page.slot('h-routes', 1, () => h('h2', null, 'Routes'));
    page.table('routes', {
        caption: 'Routes', key: row => row.key, search: row => row.text, empty: net.routes === null ? 'Not readable.' : 'None.',
        columns: [
            { id: 'to', title: 'Destination', wide: true, value: row => `${row.destination}/${row.prefix_length}`, cell: row => h('code', null, row.prefix_length === 0 ? 'default' : `${row.destination}/${row.prefix_length}`) },
            { id: 'via', title: 'Via', value: row => row.via, cell: row => h('code', null, row.via || '–') },
            { id: 'interface', title: 'Interface', value: row => row.dev },
            { id: 'source', title: 'Source', rank: 2, value: row => row.preferred_source },
            { id: 'metric', title: 'Metric', number: true, rank: 2, value: row => row.metric },
            { id: 'table', title: 'Table', rank: 2, value: row => row.table },
        ],
    }, (net.routes ?? []).map((/** @type {Doc} */ one, /** @type {number} */ index) => {
        const hops = one.next_hops ?? [];
        const [via, dev] = [hops.map((/** @type {Doc} */ hop) => hop.gateway ?? '').filter(Boolean).join(', '), hops.map((/** @type {Doc} */ hop) => shown(hop.interface)).join(', ')];
        return { ...one, via, dev, key: index, text: `${one.destination} ${via} ${dev} ${one.table}` };
    }));
    page.slot('h-counters', 1, () => h('h2', null, 'Counters'));
    const counters = Object.entries(net.counters ?? {}).flatMap(([protocol, all]) => Object.entries(all ?? {}).map(([name, value]) => ({ name: `${protocol} ${words(name)}`, value, bad: BAD.test(name) && value > 0 })));
    page.table('counters', {
        caption: 'Counters of the network namespace', key: row => row.name, search: row => row.name, sort: '', rowClass: row => (row.bad ? 'own' : ''), empty: net.counters === null ? 'Not readable.' : 'None.',
        columns: [
            { id: 'name', title: 'Counter', wide: true, value: row => row.name, also: row => row.bad, cell: row => (row.bad ? h('b', { class: 'warn' }, row.name) : row.name) },
            { id: 'value', title: 'Since the namespace began', number: true, value: row => row.value, cell: row => seen(doc, 'network', 'counters', row.value, count) },
        ],
    }, counters.sort((one, other) => Number(other.bad) - Number(one.bad)));
    page.slot('ports', [net.conntrack ?? null, net.ephemeral_ports ?? null], () => facts([
        ['conntrack', net.conntrack === undefined ? undefined : seen(doc, 'network', 'conntrack', net.conntrack, one => `${count(one.entries)} of ${count(one.limit)} (${percent(one.used_percent)})`)],
        ['ephemeral ports', net.ephemeral_ports === undefined ? undefined : seen(doc, 'network', 'ephemeral_ports', net.ephemeral_ports, one => `${one.first}–${one.last}, ${count(one.tcp_used)} used by TCP`)],
    ]));
    page.unseen([doc], ['network']);
}
