//! The verdict: outcome, branches, findings, evidence; its JSON is `pathglass.verdict/v1`.

mod assemble;
mod attribution;
mod branches;
pub mod catalogue;
mod findings;
mod json;
pub mod lang;
mod loopback;
mod policies;
mod render;
mod shared;
mod warnings;

pub(crate) use assemble::{AskedService, Walked, assemble};
pub(crate) use catalogue::Entry;
pub(crate) use policies::stated;
pub(crate) use render::evidences;
pub use shared::Shared;

use serde::{Deserialize, Serialize};

use crate::flow::FlowRequest;
use crate::snapshot::Seal;

/// The name of the verdict's JSON format.
pub const SCHEMA: &str = "pathglass.verdict/v1";

/// What becomes of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum Outcome {
    /// It connects, and data passes both ways.
    Connected,
    /// A reset, or an ICMP port unreachable, comes back.
    Refused,
    /// An error comes back: no route, another ICMP unreachable, EPERM; no such name; a proxy's error.
    Unreachable,
    /// Nothing comes back.
    Timeout,
    /// Some branches connect and some certainly do not.
    Partial,
    /// Evidence is missing or something is not modelled; never a guess.
    Unknown,
}

/// How far the simulation could follow the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum Scope {
    /// From socket to socket.
    EndToEnd,
    /// To where the packet leaves what was captured.
    ToBoundary,
}

/// The answer to one flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Verdict {
    /// Always `pathglass.verdict/v1`.
    pub schema: String,
    /// What this verdict was computed from: the same receipt replays to the same bytes.
    pub receipt: Receipt,
    /// Who vouches for the evidence.
    pub seal: Seal,
    /// The question, with names resolved.
    pub flow: Flow,
    /// The answer in one word.
    pub outcome: Outcome,
    /// How far the packet was followed.
    pub scope: Scope,
    /// What was taken for granted, in sentences.
    pub assumptions: Vec<String>,
    /// For `unknown`: the outcomes that remain possible.
    pub possible: Vec<Outcome>,
    /// For `unknown`: the evidence that would settle it.
    pub settle: Vec<String>,
    /// What the capture lacks of what was asked for.
    pub gaps: Vec<Gap>,
    /// What has to work first, in order: a name that is looked up, the way to a proxy. Absent where nothing has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<Leg>,
    /// Every way the packet can take, likeliest first.
    pub branches: Vec<Branch>,
    /// What was found; the first is the root cause.
    pub findings: Vec<Finding>,
    /// What network policies say of the flow, for each end that is a pod: intended, never the outcome.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intended: Vec<Intended>,
}

/// What network policies say of one direction of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Intended {
    /// `egress` (out of the sender) or `ingress` (into the receiver).
    pub direction: String,
    /// The pod that the policies may isolate.
    pub object: String,
    /// What they say.
    pub intention: Intention,
    /// Which policy, or why none bears on it.
    pub message: String,
    /// What it rests on.
    #[cfg_attr(feature = "typescript", tsify(type = "Evidence[]"))]
    pub evidence: Vec<Shared<Evidence>>,
}

/// What is intended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum Intention {
    /// A policy allows it, or none bears on it.
    Allows,
    /// Policies forbid it.
    Forbids,
    /// The policies do not tell: they are not captured, not understood, or leave it open.
    Unknown,
}

/// One thing that has to work before the flow itself can.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Leg {
    /// What it is, e.g. `DNS query over UDP`.
    pub name: String,
    /// Who begins it.
    pub from: FlowEnd,
    /// Whom it is sent to.
    pub to: FlowEnd,
    /// What becomes of it.
    pub outcome: Outcome,
    /// What was asked and answered, in order.
    pub steps: Vec<HopStep>,
    /// Every way its packets can take, likeliest first.
    pub branches: Vec<Branch>,
}

/// What a verdict was computed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Receipt {
    /// SHA-256 (hex) of the snapshot's manifest; of an unsealed folder, of the manifest that sealing would write.
    pub manifest_sha256: String,
    /// The engine's name and version, e.g. `pathglass-sim 0.1.0`.
    pub engine: String,
    /// The entries that were read.
    #[cfg_attr(feature = "typescript", tsify(type = "ReceiptEntry[]"))]
    pub entries: Vec<Shared<ReceiptEntry>>,
}

/// One entry that was read for a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct ReceiptEntry {
    /// Its path in the capture.
    pub path: String,
    /// SHA-256 (hex) of its plain bytes.
    pub sha256: String,
}

/// The question, with names resolved to addresses and namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Flow {
    /// The question as asked.
    pub request: FlowRequest,
    /// Where the packet starts.
    pub from: FlowEnd,
    /// Where it is sent to.
    pub to: FlowEnd,
}

/// One end of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct FlowEnd {
    /// `pod:ns/name`, `node:name`, `service:ns/name` or `ip:address`.
    pub object: String,
    /// The address used; empty where the kernel chooses the source.
    pub address: String,
    /// The network namespace that was captured for it, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// Evidence that was asked for and is not there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Gap {
    /// The file that is missing or could not be read.
    pub file: String,
    /// Why: `failed`, `not-tried`, or what is wrong with it.
    pub reason: String,
}

/// One way that the packet can take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Branch {
    /// How likely the world chooses it.
    pub probability: Probability,
    /// What becomes of the packet on it.
    pub outcome: Outcome,
    /// The other defensible outcome: where a neighbour does not resolve, or a later connection fares better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub also: Option<Outcome>,
    /// A lost first packet may choose again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retries: bool,
    /// The server's own address and port, where the packet was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// The client's address as the server sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The way there.
    pub hops: Vec<Hop>,
    /// The way back.
    pub reply: Reply,
}

/// The way back.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Reply {
    /// The hops of the way back.
    pub hops: Vec<Hop>,
}

/// An exact probability: `numerator / denominator`, written `"1/3"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probability {
    /// Numerator.
    pub numerator: u64,
    /// Denominator, not zero.
    pub denominator: u64,
}

/// What one network namespace did to the packet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Hop {
    /// The namespace's path in the capture, e.g. `nodes/node-1/host`.
    pub namespace: String,
    /// The object that it belongs to: `pod:ns/name`, `node:name` or `fabric:name`.
    pub object: String,
    /// The device it came in by; absent where it was made here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_in: Option<String>,
    /// The device it left by; absent where it ended here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_out: Option<String>,
    /// The packet as it came.
    #[cfg_attr(feature = "typescript", tsify(type = "FiveTuple"))]
    pub before: Shared<FiveTuple>,
    /// The packet as it left.
    #[cfg_attr(feature = "typescript", tsify(type = "FiveTuple"))]
    pub after: Shared<FiveTuple>,
    /// What happened, in order.
    pub steps: Vec<HopStep>,
    /// This hop lies behind a blocker: it shows what would happen if the packet had passed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub as_if_passed: bool,
}

/// One thing that happened to the packet in a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct HopStep {
    /// What happened, in words.
    pub text: String,
    /// `normal`, `blocked` or `unknown`.
    pub status: StepStatus,
    /// What it rests on.
    #[cfg_attr(feature = "typescript", tsify(type = "Evidence[]"))]
    pub evidence: Vec<Shared<Evidence>>,
}

/// Whether a step let the packet pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum StepStatus {
    /// The packet goes on.
    Normal,
    /// The packet ends here.
    Blocked,
    /// It cannot be decided.
    Unknown,
}

/// A packet's addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct FiveTuple {
    /// `tcp`, `udp`, `sctp`, `icmp` or `icmpv6`.
    pub protocol: String,
    /// Source address.
    pub src: String,
    /// Source port: a number, or a range that the kernel chooses from, e.g. `32768-60999`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sport: Option<String>,
    /// Destination address.
    pub dst: String,
    /// Destination port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dport: Option<String>,
}

/// A cited piece of the capture.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Evidence {
    /// The file's path in the capture.
    pub file: String,
    /// The line, from 1, for text files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The JSON pointer, for JSON files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The verbatim text there (shortened where long).
    pub text: String,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum Severity {
    /// Why the flow fails.
    Cause,
    /// A part in it.
    Contributing,
    /// Will bite elsewhere.
    Warning,
    /// Good to know.
    Info,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Finding {
    /// Stable dotted code, e.g. `route.missing`.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// What a person must change: `pod:ns/name`, `node:name`, `service:ns/name`, `policy:ns/name`, `cloud:id`.
    pub object: String,
    /// Where it shows.
    #[serde(rename = "where")]
    pub place: Place,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What it rests on; never empty.
    #[cfg_attr(feature = "typescript", tsify(type = "Evidence[]"))]
    pub evidence: Vec<Shared<Evidence>>,
    /// Rules that would have let the packet pass but for one field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nearest: Vec<NearMiss>,
    /// The commands that show it by hand, where it was found; `kubectl` anywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirm: Vec<String>,
    /// What usually mends it.
    pub fix: String,
    /// The kernel's name for the drop, e.g. `SKB_DROP_REASON_NETFILTER_DROP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skb_drop_reason: Option<String>,
    /// The code of the finding that this one follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<String>,
}

/// Something that would have let the packet pass but for one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct NearMiss {
    /// What it wants, and what the packet has.
    pub text: String,
    /// Where it stands.
    #[cfg_attr(feature = "typescript", tsify(type = "Evidence"))]
    pub evidence: Shared<Evidence>,
}

/// A language of texts for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese (simplified).
    Zh,
}

/// Where a finding shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Place {
    /// The namespace's path in the capture.
    pub namespace: String,
    /// The device there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The rule, as `table chain number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

impl Verdict {
    /// The verdict on a flow that never starts; receipt and seal are to be filled in.
    pub(crate) fn without_way(request: &FlowRequest, from: FlowEnd, to: FlowEnd) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            receipt: Receipt {
                manifest_sha256: String::new(),
                engine: crate::session::ENGINE.to_owned(),
                entries: Vec::new(),
            },
            seal: Seal::Unsigned,
            flow: Flow {
                request: request.clone(),
                from,
                to,
            },
            outcome: Outcome::Unknown,
            scope: Scope::EndToEnd,
            assumptions: Vec::new(),
            possible: Vec::new(),
            settle: Vec::new(),
            gaps: Vec::new(),
            legs: Vec::new(),
            branches: Vec::new(),
            findings: Vec::new(),
            intended: Vec::new(),
        }
    }
}

impl Serialize for Probability {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Probability {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let invalid =
            || serde::de::Error::custom(format!("`{text}` is not a fraction such as `1/3`"));
        let (numerator, denominator) = text.split_once('/').unwrap_or((&text, "1"));
        let (Ok(numerator), Ok(denominator)) = (numerator.parse(), denominator.parse()) else {
            return Err(invalid());
        };
        if denominator == 0 {
            return Err(invalid());
        }
        Ok(Self {
            numerator,
            denominator,
        })
    }
}

impl std::fmt::Display for Probability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.denominator == 1 {
            write!(f, "{}", self.numerator)
        } else {
            write!(f, "{}/{}", self.numerator, self.denominator)
        }
    }
}
