//! Packet filters, connection tracking and translation.

use super::{Entry, Severity, Text, entries};

entries! {
    NETFILTER

    CONNTRACK_FULL = "conntrack.table-full", Cause {
        en: "the connection table is full: packets of new connections are dropped",
        zh: "连接跟踪表已满：新连接的报文被丢弃",
        confirm: "sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max",
        fix: "raise `net.netfilter.nf_conntrack_max`, or find what opens so many connections",
        fix_zh: "调大 `net.netfilter.nf_conntrack_max`，或查明是谁建立了这么多连接",
    }
    CONNTRACK_NEARLY_FULL = "conntrack.table-nearly-full", Warning {
        en: "the connection table is nearly full: soon new connections are dropped",
        zh: "连接跟踪表将满：很快新连接会被丢弃",
        confirm: "sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max",
        fix: "raise `net.netfilter.nf_conntrack_max`, or find what opens so many connections",
        fix_zh: "调大 `net.netfilter.nf_conntrack_max`，或查明是谁建立了这么多连接",
    }
    FOREIGN_DNAT = "netfilter.foreign-dnat", Cause {
        en: "a rule that belongs to no service sends the packet elsewhere",
        zh: "一条不属于任何 Service 的规则把报文转到了别处",
        confirm: "iptables-save -t nat; nft list ruleset",
        fix: "remove that rule, or what writes it",
        fix_zh: "删除该规则，或停用写入它的程序",
    }
    RULE_DROP = "netfilter.drop", Cause {
        en: "a netfilter rule drops the packet",
        zh: "一条 netfilter 规则丢弃了报文",
        confirm: "iptables-save -c; nft list ruleset",
        fix: "change that rule, or what writes it",
        fix_zh: "修改该规则，或写入它的程序",
        drop: "SKB_DROP_REASON_NETFILTER_DROP",
    }
    RULE_REJECT = "netfilter.reject", Cause {
        en: "a netfilter rule rejects the packet",
        zh: "一条 netfilter 规则拒绝了报文",
        confirm: "iptables-save -c; nft list ruleset",
        fix: "change that rule, or what writes it",
        fix_zh: "修改该规则，或写入它的程序",
        drop: "SKB_DROP_REASON_NETFILTER_DROP",
    }
    REPLY_MISMATCH = "reply.address-mismatch", Cause {
        en: "the answer comes from another address than the client asked: it is not translated back",
        zh: "应答来自与客户端所请求的不同的地址：没有被转换回来",
        confirm: "conntrack -L -s {source} -p {protocol}; sysctl net.bridge.bridge-nf-call-iptables",
        fix: "let answers pass the node that translated the request (bridge-nf-call-iptables, masquerading, routing)",
        fix_zh: "让应答经过转换请求的节点（bridge-nf-call-iptables、masquerade、路由）",
    }
    REPLY_STRANGER = "reply.stranger", Cause {
        en: "a packet ends at a machine that does not know its connection",
        zh: "报文到达一台不认识该连接的机器",
        confirm: "ip addr show; ip neigh show",
        fix: "correct the address or route that leads it there",
        fix_zh: "改正把它引到那里的地址或路由",
    }
}
