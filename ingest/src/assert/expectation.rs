//! The expectations file, `pathglass.expectations/v1`.

use std::collections::{BTreeMap, BTreeSet};

use pathglass_sim::flow::{FlowRequest, Protocol};
use pathglass_sim::verdict::Outcome;
use serde::{Deserialize, Serialize};

/// The name of the expectations file's format.
pub const SCHEMA: &str = "pathglass.expectations/v1";

/// A file of expected outcomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectations {
    /// Always `pathglass.expectations/v1`.
    pub schema: String,
    /// The flows, each with what is expected of it.
    pub flows: Vec<FlowExpectation>,
}

/// One flow and what is expected of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowExpectation {
    /// A name for reports, unique in the file.
    pub id: String,
    /// `pod:ns/name`, `node:name`, `ip:address` or a bare address.
    pub from: String,
    /// The same, or `service:ns/name`.
    pub to: String,
    /// The destination port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The protocol; TCP unless given.
    #[serde(default)]
    pub protocol: Protocol,
    /// Payload bytes sent each way; a small packet unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u32>,
    /// What a team demands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Demand>,
    /// What a measurement saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observation>,
    /// The objects of which the first finding must point at one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<ExpectedCause>,
}

/// One acceptable outcome, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "an outcome such as `connected`, or a list of outcomes"
)]
pub enum Demand {
    /// This outcome.
    One(Outcome),
    /// Any of these.
    AnyOf(Vec<Outcome>),
}

/// What real attempts gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// How many attempts were made.
    pub attempts: u32,
    /// How many of them ended how.
    pub outcomes: BTreeMap<Outcome, u32>,
    /// The servers that answered, `ip:port` as they see themselves; empty where none said who it was.
    #[serde(default)]
    pub backends: Vec<String>,
    /// The client addresses that servers saw.
    #[serde(default)]
    pub clients: Vec<String>,
    /// How many of the connected attempts lost their first SYN.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retransmitted: u32,
    /// The attempts are not independent (session affinity): together they count as one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sequential: bool,
}

/// What the first finding must point at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedCause {
    /// `pod:ns/name`, `node:name` and so on; one of them is enough.
    pub objects: Vec<String>,
}

/// Why an expectations file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidExpectations {
    /// It is not JSON of the right shape.
    #[error("line {line}, column {column}: {message}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// It names another format.
    #[error("`schema` is `{found}`, expected `{SCHEMA}`")]
    Schema {
        /// What it names.
        found: String,
    },
    /// It demands nothing: a check that cannot fail would look like one that holds.
    #[error("`flows` is empty: there is nothing to check")]
    Empty,
    /// One flow makes no sense.
    #[error("/flows/{index} (`{id}`): {message}")]
    Flow {
        /// Its place in the list, from 0.
        index: usize,
        /// Its name.
        id: String,
        /// What is wrong with it.
        message: String,
    },
}

impl Demand {
    /// The acceptable outcomes.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        match self {
            Self::One(outcome) => std::slice::from_ref(outcome),
            Self::AnyOf(outcomes) => outcomes,
        }
    }
}

impl FlowExpectation {
    /// The question that this expectation answers.
    #[must_use]
    pub fn request(&self) -> FlowRequest {
        FlowRequest {
            from: self.from.clone(),
            to: self.to.clone(),
            port: self.port,
            protocol: self.protocol,
            bytes: self.bytes,
            strict: false,
        }
    }
}

impl Expectations {
    /// Reads and checks an expectations file.
    ///
    /// # Errors
    /// When it is not JSON, has an unknown field, or a flow contradicts itself; the message names the place.
    pub fn parse(text: &[u8]) -> Result<Self, InvalidExpectations> {
        let expectations: Self = serde_json::from_slice(text).map_err(|error| {
            let message = error.to_string();
            let suffix = format!(" at line {} column {}", error.line(), error.column());
            InvalidExpectations::Json {
                line: error.line(),
                column: error.column(),
                message: message.strip_suffix(&suffix).unwrap_or(&message).to_owned(),
            }
        })?;
        if expectations.schema != SCHEMA {
            return Err(InvalidExpectations::Schema {
                found: expectations.schema,
            });
        }
        if expectations.flows.is_empty() {
            return Err(InvalidExpectations::Empty);
        }
        let mut ids = BTreeSet::new();
        for (index, flow) in expectations.flows.iter().enumerate() {
            let problem = if ids.insert(&flow.id) {
                contradiction(flow)
            } else {
                Some("another flow has the same `id`".to_owned())
            };
            if let Some(message) = problem {
                return Err(InvalidExpectations::Flow {
                    index,
                    id: flow.id.clone(),
                    message,
                });
            }
        }
        Ok(expectations)
    }
}

fn contradiction(flow: &FlowExpectation) -> Option<String> {
    if flow.expect.is_none() && flow.observed.is_none() {
        return Some("needs `expect` or `observed`".to_owned());
    }
    if flow
        .expect
        .as_ref()
        .is_some_and(|demand| demand.outcomes().is_empty())
    {
        return Some("`expect` is an empty list, which nothing can meet".to_owned());
    }
    if flow
        .cause
        .as_ref()
        .is_some_and(|cause| cause.objects.is_empty())
    {
        return Some("`cause.objects` is empty".to_owned());
    }
    let observed = flow.observed.as_ref()?;
    let n_seen: u64 = observed.outcomes.values().copied().map(u64::from).sum();
    if n_seen == 0 {
        return Some("`observed.outcomes` counts no attempt".to_owned());
    }
    if n_seen > u64::from(observed.attempts) {
        return Some(format!(
            "`observed.outcomes` counts {n_seen} attempts, `observed.attempts` says {}",
            observed.attempts
        ));
    }
    for outcome in observed.outcomes.keys() {
        if matches!(outcome, Outcome::Partial | Outcome::Unknown) {
            return Some(
                "an attempt is observed as `connected`, `refused`, `unreachable` or `timeout`"
                    .to_owned(),
            );
        }
    }
    None
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(flow: &str) -> String {
        let text = format!(r#"{{"schema": "{SCHEMA}", "flows": [{flow}]}}"#);
        Expectations::parse(text.as_bytes())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn expect_takes_one_outcome_or_a_list() {
        let text = format!(
            r#"{{"schema": "{SCHEMA}", "flows": [
              {{"id": "a", "from": "pod:x/y", "to": "10.0.0.1", "port": 80, "expect": "connected"}},
              {{"id": "b", "from": "pod:x/y", "to": "10.0.0.1", "expect": ["timeout", "refused"]}}]}}"#
        );
        let flows = Expectations::parse(text.as_bytes()).unwrap().flows;
        assert_eq!(
            flows[0].expect.as_ref().unwrap().outcomes(),
            [Outcome::Connected]
        );
        assert_eq!(flows[1].expect.as_ref().unwrap().outcomes().len(), 2);
        assert_eq!(flows[1].protocol, Protocol::Tcp);
    }

    #[test]
    fn an_unknown_field_is_named_with_its_place() {
        let message = message("{\"id\": \"a\",\n \"form\": \"pod:x/y\"}");
        assert!(
            message.starts_with("line 2, column 7: unknown field `form`"),
            "{message}"
        );
    }

    #[test]
    fn an_unknown_field_of_an_observation_is_an_error_too() {
        let message = message(
            r#"{"id": "a", "from": "x", "to": "y", "observed": {"attempts": 1, "outcomes": {"connected": 1}, "seen": 2}}"#,
        );
        assert!(message.contains("unknown field `seen`"), "{message}");
    }

    #[test]
    fn a_flow_without_expectation_is_an_error() {
        let message = message(r#"{"id": "a", "from": "x", "to": "y"}"#);
        assert_eq!(message, "/flows/0 (`a`): needs `expect` or `observed`");
    }

    #[test]
    fn ids_are_unique() {
        let flow = r#"{"id": "a", "from": "x", "to": "y", "expect": "timeout"}"#;
        let message = message(&format!("{flow}, {flow}"));
        assert_eq!(message, "/flows/1 (`a`): another flow has the same `id`");
    }

    #[test]
    fn an_observation_cannot_count_more_outcomes_than_attempts() {
        let message = message(
            r#"{"id": "a", "from": "x", "to": "y", "observed": {"attempts": 1, "outcomes": {"connected": 2}}}"#,
        );
        assert!(message.contains("counts 2 attempts"), "{message}");
    }

    #[test]
    fn an_attempt_is_never_observed_as_unknown() {
        let message = message(
            r#"{"id": "a", "from": "x", "to": "y", "observed": {"attempts": 1, "outcomes": {"unknown": 1}}}"#,
        );
        assert!(message.contains("an attempt is observed as"), "{message}");
    }

    #[test]
    fn a_file_without_flows_is_refused() {
        assert_eq!(message(""), "`flows` is empty: there is nothing to check");
    }

    #[test]
    fn another_schema_is_refused() {
        let error = Expectations::parse(br#"{"schema": "other/v9", "flows": []}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`schema` is `other/v9`, expected `pathglass.expectations/v1`"
        );
    }
}
