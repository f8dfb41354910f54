//! Label selectors of objects that are kept whole.

use serde_json::Value;

use crate::evidence::kube::selector::{LabelSelector, Operator, Requirement};
use crate::intent::web::{items, text};

/// Reads a `metav1.LabelSelector`.
pub(super) fn of(value: &Value) -> Option<LabelSelector> {
    let labels = value.get("matchLabels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten();
    let match_labels = labels
        .map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect::<Option<_>>()?;
    let requirement = |one: &Value| {
        Some(Requirement {
            key: text(one, "/key")?.to_owned(),
            operator: match text(one, "/operator")? {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                _ => return None,
            },
            values: items(one, "/values")
                .map(|value| Some(value.as_str()?.to_owned()))
                .collect::<Option<_>>()?,
        })
    };
    Some(LabelSelector {
        match_labels,
        match_expressions: items(value, "/matchExpressions")
            .map(requirement)
            .collect::<Option<_>>()?,
    })
}
