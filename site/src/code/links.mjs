// The coding pages in the site's side bar.
export function codeLinks() {
  return [
    ['election', 'Election', '选举'], ['agreement', 'Agreement', '达成一致'], ['persistence', 'Persistence', '持久化'],
    ['partition', 'Partition', '分区'], ['compaction', 'Compaction', '压缩'],
    ['service', 'Key/value service', '键值服务'], ['faults', 'Its faults', '服务的故障'], ['snapshots', 'Its snapshots', '服务的快照'],
    ['lock', 'Lock', '锁'], ['leases', 'Its leases', '锁的租约'],
  ].map(([name, en, zh]) => ({ label: en, translations: { 'zh-CN': zh }, link: `/code/${name}/` }));
}
