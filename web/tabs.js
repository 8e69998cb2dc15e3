// The tabs, in their order.

import { access } from './access.js';
import { capabilities } from './capabilities.js';
import { certificates } from './certificates.js';
import { environment } from './environment.js';
import { files } from './files.js';
import { metrics, probes, raw } from './plain.js';
import { mounts } from './mounts.js';
import { network } from './network.js';
import { overview } from './overview.js';
import { processes } from './processes.js';
import { resources } from './resources.js';
import { sockets } from './sockets.js';

/** @type {import('./app.js').Tab[]} */
export const tabs = [
    { id: 'overview', title: 'Overview', group: 'Now', show: overview },
    { id: 'processes', title: 'Processes', group: 'Now', show: processes },
    { id: 'sockets', title: 'Sockets', group: 'Now', show: sockets },
    { id: 'resources', title: 'Resources', group: 'Now', show: resources },
    { id: 'environment', title: 'Environment', group: 'Set up', show: environment },
    { id: 'mounts', title: 'Mounts', group: 'Set up', show: mounts },
    { id: 'files', title: 'Files', group: 'Set up', show: files },
    { id: 'network', title: 'Network', group: 'Set up', show: network },
    { id: 'certificates', title: 'Certificates', group: 'Security', show: certificates },
    { id: 'capabilities', title: 'Capabilities', group: 'Security', show: capabilities },
    { id: 'access', title: 'Access', group: 'Security', show: access },
    { id: 'probes', title: 'Probes', group: 'Served', show: probes },
    { id: 'metrics', title: 'Metrics', group: 'Served', show: metrics },
    { id: 'raw', title: 'Document', group: 'Served', show: raw },
];
