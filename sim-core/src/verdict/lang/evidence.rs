//! What is wrong with a captured file.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // `evidence/address.rs`
    ("an IP address", "IP 地址"),
    ("`{0}` is out of range", "`{0}` 超出范围"),
    // `evidence/bpf.rs`
    ("bpftool failed: {0}", "bpftool 失败：{0}"),
    // `evidence/cloud.rs`
    (
        "expected a path `cloud/<provider>/<region>/<product>/<Action>[.<key>].json`",
        "路径应为 `cloud/<provider>/<region>/<product>/<Action>[.<key>].json`",
    ),
    // `evidence/counters.rs`
    (
        "expected at least three hexadecimal columns",
        "应至少有三列十六进制数",
    ),
    (
        "`{0}` is not the one number that is expected",
        "`{0}` 不是所要求的那一个数字",
    ),
    // `evidence/ipset.rs`
    (
        "the last line has no end: the file is cut off, capture it again",
        "最后一行没有结尾：文件被截断，请重新采集",
    ),
    (
        "`{0}` is not a line of ipset save",
        "`{0}` 不是 ipset save 的行",
    ),
    ("set `{0}` is created twice", "集合 `{0}` 创建了两次"),
    (
        "a member of set `{0}`, which is not created",
        "集合 `{0}` 的成员，而该集合没有创建",
    ),
    (
        "`{0}` is no member of set `{1}`",
        "`{0}` 不是集合 `{1}` 的成员",
    ),
    // `evidence/ipvs.rs`
    (
        "a server of a service that has no line before",
        "后端所属的服务之前没有出现",
    ),
    (
        "`{0}` is neither `-A` nor `-a`",
        "`{0}` 既不是 `-A` 也不是 `-a`",
    ),
    ("`{0}` has no value", "`{0}` 没有值"),
    ("`{0}` is no value of `{1}`", "`{0}` 不是 `{1}` 的值"),
    (
        "expected one of `-t`, `-u`, `--sctp-service` and `-f`",
        "应为 `-t`、`-u`、`--sctp-service` 和 `-f` 之一",
    ),
    (
        "`{0}` is no option of a service that is known here",
        "`{0}` 不是已知的服务选项",
    ),
    (
        "`{0}` is no option of a server that is known here",
        "`{0}` 不是已知的后端选项",
    ),
    ("`-r` is missing", "缺少 `-r`"),
    (
        "`{0}` is no address and port; run ipvsadm with `-n`",
        "`{0}` 不是地址和端口；请用 `-n` 运行 ipvsadm",
    ),
    ("`{0}` is no netmask", "`{0}` 不是子网掩码"),
    // `evidence/json.rs`
    ("an object", "对象"),
    // `evidence/json/object.rs`
    ("`{0}` is missing", "缺少 `{0}`"),
    ("a string", "字符串"),
    ("a name or number", "名称或数字"),
    ("an integer", "整数"),
    ("a flag", "标志"),
    ("`{0}` is not {1}", "`{0}` 不是{1}"),
    ("an array of strings", "字符串数组"),
    ("a map of strings", "字符串映射"),
    ("an array", "数组"),
    // `evidence/json/scan.rs`
    ("`,` or `]`", "`,` 或 `]`"),
    ("`items` is no array", "`items` 不是数组"),
    ("`,` or `}`", "`,` 或 `}`"),
    (
        "the file ends in the middle of a value; capture it again",
        "文件在一个值的中间结束；请重新采集",
    ),
    ("not JSON: {0}", "不是 JSON：{0}"),
    (
        "the file ends early; capture it again",
        "文件过早结束；请重新采集",
    ),
    ("expected {0}", "应为 {0}"),
    (
        "there is more text after the JSON's end",
        "JSON 结束之后还有内容",
    ),
    // `evidence/kube.rs`
    ("`{0}` is not the kind `{1}`", "`{0}` 不是类型 `{1}`"),
    ("`{0}` is no protocol", "`{0}` 不是协议"),
    ("`{0}` is not an IP address", "`{0}` 不是 IP 地址"),
    // `evidence/kube/config.rs`
    (
        "kube-proxy's `{0}` is `{1}`, which is not {2}",
        "kube-proxy 的 `{0}` 为 `{1}`，而不是{2}",
    ),
    ("a list of prefixes", "前缀列表"),
    ("`true` or `false`", "`true` 或 `false`"),
    ("a bit from 0 to 31", "0 到 31 的比特"),
    // `evidence/kube/node.rs`
    ("`{0}` is no prefix", "`{0}` 不是前缀"),
    // `evidence/kube/policy.rs`
    (
        "neither `ipBlock` nor a selector is given",
        "既没有给出 `ipBlock` 也没有给出 selector",
    ),
    // `evidence/kube/selector.rs`
    ("`{0}` is no operator", "`{0}` 不是运算符"),
    // `evidence/kube/service.rs`
    ("`{0}` is no service type", "`{0}` 不是 Service 类型"),
    ("`{0}` is no traffic policy", "`{0}` 不是流量策略"),
    // `evidence/link/kind.rs`
    ("`{0}` is no 16-bit mask", "`{0}` 不是 16 位掩码"),
    ("`{0}` is no tunnel key", "`{0}` 不是隧道 key"),
    // `evidence/mac.rs`
    ("`{0}` is no Ethernet address", "`{0}` 不是以太网地址"),
    // `evidence/manifest.rs`
    (
        "`{0}` is no state; it counts as not-tried",
        "`{0}` 不是状态；按未采集处理",
    ),
    // `evidence/neighbour.rs`
    ("`{0}` is no neighbour state", "`{0}` 不是邻居状态"),
    // `evidence/nft.rs`
    (
        "the list `nftables` is missing: capture `nft -j list ruleset`",
        "缺少列表 `nftables`：请采集 `nft -j list ruleset`",
    ),
    ("not the JSON of nft: {0}", "不是 nft 的 JSON：{0}"),
    // `evidence/nft/item.rs`
    (
        "an object with the list `nftables`, as `nft -j list ruleset` prints it",
        "带有列表 `nftables` 的对象，即 `nft -j list ruleset` 打印的内容",
    ),
    ("the list `nftables`", "列表 `nftables`"),
    ("not an object with one entry", "不是只有一项的对象"),
    (
        "an `element` outside its set: capture `nft -j list ruleset`",
        "`element` 在其集合之外：请采集 `nft -j list ruleset`",
    ),
    (
        "table `{0} {1}` is not listed before it",
        "表 `{0} {1}` 之前没有列出",
    ),
    (
        "chain `{0}` is not listed before it",
        "链 `{0}` 之前没有列出",
    ),
    ("set: {0}", "集合：{0}"),
    ("family `{0}` is not known", "不认识的族 `{0}`"),
    ("`prio` is missing", "缺少 `prio`"),
    ("priority `{0}` is not understood", "无法理解优先级 `{0}`"),
    ("policy `{0}` is not known", "不认识的默认策略 `{0}`"),
    // `evidence/resolv.rs`
    ("`{0}` is no IP address", "`{0}` 不是 IP 地址"),
    // `evidence/route.rs`
    ("`{0}` is no route type", "`{0}` 不是路由类型"),
    ("`{0}` is no {1} prefix", "`{0}` 不是 {1} 前缀"),
    // `evidence/route/names.rs`
    ("`{0}` is no scope", "`{0}` 不是 scope"),
    ("`{0}` is no TOS that is known here", "`{0}` 不是已知的 TOS"),
    // `evidence/rule.rs`
    ("`{0}` is no rule action", "`{0}` 不是路由规则的动作"),
    (
        "neither a table nor an action is given",
        "既没有给出路由表也没有给出动作",
    ),
    (
        "`{0}` is no prefix of the file's family",
        "`{0}` 不是该文件地址族的前缀",
    ),
    (
        "`{0}` is no DSCP that is known here",
        "`{0}` 不是已知的 DSCP",
    ),
    (
        "`{0}` is no protocol that is known here",
        "`{0}` 不是已知的协议",
    ),
    // `evidence/socket.rs`
    ("{0} is missing", "缺少{0}"),
    ("the protocol", "协议"),
    ("the state", "状态"),
    ("the local address", "本地地址"),
    ("the peer address", "对端地址"),
    ("the local port is `*`", "本地端口是 `*`"),
    ("`{0}` is no queue length", "`{0}` 不是队列长度"),
    ("`{0}` is not `address:port`", "`{0}` 不是 `address:port`"),
    (
        "`{0}` is no port; run ss with `-n`",
        "`{0}` 不是端口；请用 `-n` 运行 ss",
    ),
    // `evidence/sysctl.rs`
    ("`{0}` is `{1}`, not an integer", "`{0}` 为 `{1}`，不是整数"),
    ("`{0}` is not `key = value`", "`{0}` 不是 `key = value`"),
    // `evidence/tc.rs`
    (
        "the filters of `{0}` were not captured",
        "没有采集 `{0}` 的过滤器",
    ),
    ("`{0}` is no direction", "`{0}` 不是方向"),
    // `evidence/text.rs`
    (
        "the file has {0} bytes, more than the limit of {1}; it is not read",
        "文件有 {0} 字节，超过上限 {1}；没有读取",
    ),
    (
        "the last line has no end: the file was cut",
        "最后一行没有结尾：文件被截断",
    ),
    (
        "not UTF-8 at byte {0}; what stands before is read, the rest is not",
        "第 {0} 字节不是 UTF-8；之前的内容已读取，其余没有",
    ),
    // `evidence/wireguard.rs`
    ("`{0}` is no endpoint", "`{0}` 不是 endpoint"),
    (
        "a peer of `{0}`, which has no line before",
        "`{0}` 的对端，而它之前没有自己的行",
    ),
    (
        "expected 5 or 9 columns parted by tabs, found {0}",
        "应有 5 或 9 列，以制表符分隔，实有 {0} 列",
    ),
    ("`{0}` is no number in range", "`{0}` 不是范围内的数字"),
    ("`{0}` is no mark", "`{0}` 不是 mark"),
    // `evidence/xtables/save.rs`
    (
        "`{0}` is not a line of iptables-save",
        "`{0}` 不是 iptables-save 的行",
    ),
    (
        "table `{0}` could not be printed by iptables-save: capture `nft -j list ruleset`",
        "iptables-save 无法打印表 `{0}`：请采集 `nft -j list ruleset`",
    ),
    (
        "`{0}` declares no chain with a policy",
        "`{0}` 没有声明带默认策略的链",
    ),
    ("a chain outside of a table", "链在表之外"),
    ("chain `{0}` is declared twice", "链 `{0}` 声明了两次"),
    ("`{0}`: a quote is not closed", "`{0}`：引号没有闭合"),
    ("`{0}` is no counter", "`{0}` 不是计数器"),
    ("`{0}` is not a rule", "`{0}` 不是规则"),
    ("a rule outside of a table", "规则在表之外"),
    (
        "a rule of chain `{0}`, which is not declared",
        "链 `{0}` 的规则，而该链没有声明",
    ),
    ("COMMIT outside of a table", "COMMIT 在表之外"),
    (
        "table `{0}` has no COMMIT: the file is cut off, capture it again",
        "表 `{0}` 没有 COMMIT：文件被截断，请重新采集",
    ),
];
