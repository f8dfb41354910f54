//! Network policies.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // `intent/policy/admin.rs`
    (
        "`{0}` of the tier `{1}` is none that is known",
        "层级 `{1}` 的 `{0}` 不是已知的值",
    ),
    ("`{0}` is no action", "`{0}` 不是动作"),
    (
        "a peer by `{0}` is not decided",
        "按 `{0}` 指定的对端未作判断",
    ),
    // `intent/policy/calico.rs`
    ("`{0}` is no number", "`{0}` 不是数字"),
    ("it is no list of ports", "它不是端口列表"),
    ("the sender's port is not known", "不知道发送方的端口"),
    ("`{0}` is no port", "`{0}` 不是端口"),
    // `intent/policy/calico/selector.rs`
    (
        "`{0}` is left of the selector `{1}`",
        "选择器 `{1}` 还剩下 `{0}`",
    ),
    ("`{0}` is missing before `{1}`", "`{1}` 之前缺少 `{0}`"),
    ("the selector is nested too deeply", "选择器嵌套过深"),
    ("`{0}()` is not known", "不认识 `{0}()`"),
    ("`{0}` is no comparison", "`{0}` 不是比较"),
    ("a name is missing before `{0}`", "`{0}` 之前缺少名称"),
    ("`{0}` is not closed", "`{0}` 没有闭合"),
    (
        "a quoted text is missing before `{0}`",
        "`{0}` 之前缺少带引号的文本",
    ),
    // `intent/policy/calico/surroundings.rs`
    ("domains are not decided", "域名未作判断"),
    (
        "its annotation projectcalico.org/metadata is no JSON",
        "它的注解 projectcalico.org/metadata 不是 JSON",
    ),
    ("the namespaces were not captured", "没有采集命名空间"),
    (
        "whether a selector means a host endpoint is not decided",
        "选择器是否指主机端点未作判断",
    ),
    // `intent/policy/cilium.rs`
    ("whom `{0}` means is not decided", "`{0}` 指谁未作判断"),
    ("`{0}` is not decided", "`{0}` 未作判断"),
    (
        "whether prefixes mean nodes (`policy-cidr-match-mode`) is not decided",
        "前缀是否也指节点（`policy-cidr-match-mode`）未作判断",
    ),
    (
        "whom the entity `{0}` means is not decided",
        "实体 `{0}` 指谁未作判断",
    ),
    (
        "whom the label `{0}` means is not decided",
        "标签 `{0}` 指谁未作判断",
    ),
    ("the label `{0}` is not decided", "标签 `{0}` 未作判断"),
    ("types of ICMP are not decided", "ICMP 的类型未作判断"),
    // `intent/policy/model.rs`
    ("admin policies", "admin 策略"),
    ("baseline policies", "baseline 策略"),
    // `intent/policy/unread.rs`
    ("`{0}` of a {1} is not decided", "{1} 的 `{0}` 未作判断"),
    // `world/policies.rs`
    ("kube/{0}.json was not captured", "没有采集 kube/{0}.json"),
    (
        "policies of Calico and of Cilium: which of them is enforced is not known",
        "Calico 和 Cilium 的策略：不知道由哪一个执行",
    ),
    (
        "the tier {0} was not captured (kube/tiers.json)",
        "没有采集层级 {0}（kube/tiers.json）",
    ),
    ("{0} could not be captured", "{0} 无法采集"),
];
