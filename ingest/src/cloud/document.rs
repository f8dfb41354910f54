//! What `docs/cloud.md` and the policies in `deploy/` say of the table.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Provider;
use super::table::Action;

/// The part of `docs/cloud.md` that lists `provider`'s files, in Markdown.
#[must_use]
pub fn table(provider: Provider) -> String {
    let mut text = "| File | Permission | What for |\n| --- | --- | --- |\n".to_owned();
    for action in provider.actions() {
        let key = action.keyed.then_some("<id>");
        let file = action.file(key);
        text.push_str(&format!(
            "| `{}/{file}` | `{}` | {} |\n",
            action.product.name,
            action.permission(),
            action.purpose
        ));
    }
    text
}

/// The smallest policy that lets a pull read all it may ask for.
#[must_use]
pub fn policy(provider: Provider) -> Value {
    let permissions: BTreeSet<String> = provider.actions().iter().map(Action::permission).collect();
    match provider {
        Provider::Aliyun => json!({"Version": "1", "Statement": [
            {"Effect": "Allow", "Action": permissions, "Resource": "*"}]}),
        Provider::Tencent => json!({"version": "2.0", "statement": [
            {"effect": "allow", "action": permissions, "resource": "*"}]}),
    }
}
