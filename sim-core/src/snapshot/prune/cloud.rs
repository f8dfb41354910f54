//! What stays of a cloud API's answers: fields of known names, at any depth, and the tags that lead to a cluster's objects.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The names, one per line. Both clouds write them alike, and what they nest changes with their versions.
const NAMES: &str = include_str!("cloud-fields.txt");

/// Lists of tags.
const TAGS: &[&str] = &["Tags", "Tag", "TagSet"];
/// The tags that say which cluster and Service a load balancer belongs to.
const TAG_KEYS: &[&str] = &[
    "ack.aliyun.com",
    "kubernetes.do.not.delete",
    "kubernetes.reused.by.user",
    "tke-clusterId",
    "tke-createdBy-flag",
    "tke-lb-serviceuuid",
];

/// What stays of an answer of `path`'s product.
pub(crate) fn answer(path: &str, value: Value) -> Value {
    let mut names: BTreeSet<&str> = NAMES.lines().collect();
    // Cluster controllers write the Service's name there; elsewhere it is what people note down.
    if path.split('/').nth(3) == Some("slb") {
        names.insert("Description");
    }
    super::secret::without_secrets(keep(&names, value))
}

fn keep(names: &BTreeSet<&str>, value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter_map(|(name, value)| {
                    let value = if TAGS.contains(&name.as_str()) {
                        tags(value)
                    } else {
                        names.contains(name.as_str()).then(|| keep(names, value))?
                    };
                    Some((name, value))
                })
                .collect(),
        ),
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| keep(names, item)).collect())
        }
        scalar => scalar,
    }
}

/// The listed tags of `value`: a list of them, or an object that holds it.
fn tags(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().filter_map(tag).collect()),
        Value::Object(fields) => {
            let lists = fields.into_iter().filter(|(name, _)| name == "Tag");
            Value::Object(lists.map(|(name, list)| (name, tags(list))).collect())
        }
        _ => Value::Null,
    }
}

fn tag(item: Value) -> Option<Value> {
    const FIELDS: &[&str] = &["Key", "Value", "TagKey", "TagValue"];
    let Value::Object(fields) = item else {
        return None;
    };
    let key = fields
        .get("Key")
        .or_else(|| fields.get("TagKey"))?
        .as_str()?;
    if !TAG_KEYS.contains(&key) {
        return None;
    }
    let fields = fields
        .into_iter()
        .filter(|(name, value)| FIELDS.contains(&name.as_str()) && value.is_string());
    Some(Value::Object(fields.collect::<Map<_, _>>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn known_names_and_the_clusters_tags_stay() {
        let body = json!({"RequestId": "r", "TotalCount": 1, "Instances": {"Instance": [{"InstanceId": "i-1",
            "UserData": "x", "Description": "the password is x", "KeyPairName": "x", "EipAddress": {"IpAddress": "192.0.2.1"},
            "Tags": {"Tag": [{"TagKey": "owner", "TagValue": "x"},
                {"TagKey": "ack.aliyun.com", "TagValue": "c1", "Other": "x"}]}}]}});
        let kept = json!({"TotalCount": 1, "Instances": {"Instance": [{"InstanceId": "i-1",
            "EipAddress": {"IpAddress": "192.0.2.1"}, "Tags": {"Tag": [{"TagKey": "ack.aliyun.com", "TagValue": "c1"}]}}]}});
        let path = "cloud/aliyun/r/ecs/DescribeInstances.json";
        assert_eq!(answer(path, body), kept);
        assert_eq!(
            answer(path, kept.clone()),
            kept,
            "pruning twice is pruning once"
        );
        let listener =
            json!({"Listeners": [{"ListenerPort": 80, "Description": "k8s/80/web/default/c1"}]});
        assert_eq!(
            answer(
                "cloud/aliyun/r/slb/DescribeLoadBalancerListeners.lb-1.json",
                listener.clone()
            ),
            listener
        );
    }

    #[test]
    fn no_name_is_a_secrets() {
        let names = NAMES
            .lines()
            .map(|name| (name.to_owned(), Value::from(1)))
            .collect::<Map<_, _>>();
        let kept = super::super::secret::without_secrets(Value::Object(names.clone()));
        assert_eq!(
            kept,
            Value::Object(names),
            "a name that looks like a secret never stays"
        );
    }
}
