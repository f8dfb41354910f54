//! Label selectors (`metav1.LabelSelector`).

use std::collections::BTreeMap;

use crate::evidence::json::{Fault, Object};

/// A label selector: all of its conditions must hold; an empty one selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSelector {
    /// Labels that must be equal.
    pub match_labels: BTreeMap<String, String>,
    /// Further conditions.
    pub match_expressions: Vec<Requirement>,
}

/// One condition on a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub values: Vec<String>,
}

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operator {
    /// Has one of the values.
    In,
    /// Is missing or has none of the values.
    NotIn,
    /// Is there.
    Exists,
    /// Is missing.
    DoesNotExist,
}

impl LabelSelector {
    /// Whether an object with these labels is selected (`LabelSelectorAsSelector`).
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.match_labels
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
            && self
                .match_expressions
                .iter()
                .all(|requirement| requirement.matches(labels))
    }
}

impl Requirement {
    /// Whether an object with these labels meets the condition.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        match self.operator {
            Operator::In => value.is_some_and(|value| self.values.contains(value)),
            Operator::NotIn => value.is_none_or(|value| !self.values.contains(value)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

impl LabelSelector {
    pub(crate) fn of(item: &Object<'_>) -> Result<Self, Fault> {
        let mut match_expressions = Vec::new();
        for expression in item.objects("matchExpressions")? {
            let operator = match expression.text("operator")?.as_deref() {
                Some("In") => Operator::In,
                Some("NotIn") => Operator::NotIn,
                Some("Exists") => Operator::Exists,
                Some("DoesNotExist") => Operator::DoesNotExist,
                other => {
                    let other = other.unwrap_or_default();
                    return Err(expression.fault("operator", format!("`{other}` is no operator")));
                }
            };
            match_expressions.push(Requirement {
                key: expression.required("key", expression.text("key")?)?,
                operator,
                values: expression.strings("values")?,
            });
        }
        Ok(Self {
            match_labels: item.string_map("matchLabels")?,
            match_expressions,
        })
    }
}
