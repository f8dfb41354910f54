//! Devices, bridges, tunnels and the size of packets.

use super::{Entry, Severity, Text, entries};

entries! {
    DEVICES

    BRIDGE_ISOLATED = "bridge.isolated", Cause {
        en: "both bridge ports are isolated: nothing passes between them",
        zh: "两个网桥端口都设为隔离，彼此之间不通",
        confirm: "bridge -d link show",
        fix: "clear the `isolated` flag of one of the two ports",
        fix_zh: "清除其中一个端口的 `isolated` 标志",
    }
    BRIDGE_PORT = "bridge.port-not-forwarding", Cause {
        en: "a bridge port does not pass frames",
        zh: "网桥端口不转发帧",
        confirm: "bridge -d link show dev {device}",
        fix: "wait for STP to settle, or bring the port into the forwarding state",
        fix_zh: "等待 STP 收敛，或让端口进入 forwarding 状态",
    }
    BRIDGE_HAIRPIN = "bridge.hairpin-off", Cause {
        en: "a pod reaches itself through a service, but the bridge may not send a frame back out of its port",
        zh: "Pod 通过 Service 访问到自己，而网桥不允许帧从来的端口再发出去",
        confirm: "bridge -d link show dev {device}",
        fix: "set hairpin mode on the pod's bridge port (`bridge link set dev <port> hairpin on`; the CNI plugin's `hairpinMode`)",
        fix_zh: "在 Pod 的网桥端口上打开 hairpin（`bridge link set dev <port> hairpin on`；CNI 插件的 `hairpinMode`）",
    }
    DEVICE_DOWN = "device.down", Cause {
        en: "a device on the way is down",
        zh: "路径上的网卡处于 down 状态",
        confirm: "ip link show dev {device}",
        fix: "bring the device (or its other end) up: `ip link set <device> up`",
        fix_zh: "启用该网卡（或它的对端）：`ip link set <device> up`",
        drop: "SKB_DROP_REASON_DEV_READY",
    }
    DEVICE_MISSING = "device.missing", Cause {
        en: "a route names a device that does not exist",
        zh: "路由指向一块不存在的网卡",
        confirm: "ip link show dev {device}",
        fix: "restart the network plugin on that node so that it makes the device again",
        fix_zh: "重启该节点上的网络插件，让它重新创建网卡",
    }
    MTU_BLACKHOLE = "mtu.blackhole", Cause {
        en: "large packets are lost, and their sender does not learn the smaller MTU",
        zh: "大包丢失，而发送方得不到更小的 MTU",
        confirm: "ip link show dev {device}; ping -M do -s 1472 {destination}",
        fix: "make the MTUs along the path agree, or let ICMP \"fragmentation needed\" pass",
        fix_zh: "让路径上的 MTU 一致，或放行 ICMP “需要分片”",
        drop: "SKB_DROP_REASON_PKT_TOO_BIG",
    }
    TUNNEL_PEER = "tunnel.peer-missing", Cause {
        en: "a tunnelled packet reaches a machine that has no such tunnel",
        zh: "隧道报文到达的机器上没有对应的隧道",
        confirm: "ip -d link show",
        fix: "make the tunnel's two ends agree: addresses, keys, ports; and bring both devices up",
        fix_zh: "让隧道两端的地址、key、端口一致，并启用两端网卡",
    }
    TUNNEL_SOURCE = "tunnel.source-missing", Cause {
        en: "a tunnel sends from an address that its machine does not have",
        zh: "隧道使用了本机并不拥有的源地址",
        confirm: "ip -d link show dev {device}; ip addr show",
        fix: "correct the tunnel's local address, or give the machine that address back",
        fix_zh: "改正隧道的本端地址，或把该地址配置回来",
    }
    VLAN_MISSING = "vlan.missing", Cause {
        en: "a bridge port or device does not take frames of that VLAN",
        zh: "网桥端口或网卡不接收该 VLAN 的帧",
        confirm: "bridge vlan show; ip -d link show",
        fix: "add the VLAN to the port (`bridge vlan add`), or make the VLAN device",
        fix_zh: "把该 VLAN 加到端口上（`bridge vlan add`），或创建 VLAN 网卡",
    }
    WIREGUARD_PEER = "wireguard.peer", Cause {
        en: "WireGuard has no peer that is allowed this address",
        zh: "WireGuard 没有允许该地址的对端",
        confirm: "wg show {device} allowed-ips",
        fix: "add the peer, or the prefix to its allowed addresses, on both sides",
        fix_zh: "在两端添加该对端，或把该网段加入其 allowed-ips",
    }
    VXLAN_FDB_MISSING = "vxlan.fdb-missing", Cause {
        en: "the VXLAN device knows no peer for the hardware address",
        zh: "VXLAN 网卡没有该 MAC 地址对应的对端",
        confirm: "bridge fdb show dev {device}",
        fix: "restart the network plugin on that node so that it writes the entry",
        fix_zh: "重启该节点上的网络插件，让它写入表项",
    }
    VXLAN_PEER = "vxlan.peer-missing", Cause {
        en: "the VXLAN packet reaches a machine that has no such tunnel",
        zh: "VXLAN 报文到达的机器上没有对应的隧道",
        confirm: "ip -d link show type vxlan",
        fix: "restart the network plugin on the peer, or correct the entry that names it",
        fix_zh: "重启对端节点的网络插件，或改正指向它的表项",
    }
}
