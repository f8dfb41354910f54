//! The verdict as JSON, written straight: what its parts share is not written anew. As serde writes it, to the byte.

use serde::Serialize;

use super::{Branch, Hop, HopStep, Leg, Receipt, Shared, StepStatus, Verdict};

/// A text that grows.
struct Out(String);

impl Verdict {
    /// The verdict's JSON, as every program of ours writes it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = Out(String::with_capacity(1 << 17));
        out.raw("{\"schema\":");
        out.text(&self.schema);
        out.raw(",\"receipt\":");
        receipt(&mut out, &self.receipt);
        out.other(",\"seal\":", &self.seal);
        out.other(",\"flow\":", &self.flow);
        out.other(",\"outcome\":", &self.outcome);
        out.other(",\"scope\":", &self.scope);
        out.other(",\"assumptions\":", &self.assumptions);
        out.other(",\"possible\":", &self.possible);
        out.other(",\"settle\":", &self.settle);
        out.other(",\"gaps\":", &self.gaps);
        if !self.legs.is_empty() {
            out.raw(",\"legs\":");
            out.list(&self.legs, leg);
        }
        out.raw(",\"branches\":");
        out.list(&self.branches, branch);
        out.other(",\"findings\":", &self.findings);
        if !self.intended.is_empty() {
            out.other(",\"intended\":", &self.intended);
        }
        out.raw("}");
        out.0
    }
}

fn receipt(out: &mut Out, receipt: &Receipt) {
    out.raw("{\"manifest_sha256\":");
    out.text(&receipt.manifest_sha256);
    out.raw(",\"engine\":");
    out.text(&receipt.engine);
    out.raw(",\"entries\":");
    out.list(&receipt.entries, shared);
    out.raw("}");
}

fn leg(out: &mut Out, leg: &Leg) {
    out.raw("{\"name\":");
    out.text(&leg.name);
    out.other(",\"from\":", &leg.from);
    out.other(",\"to\":", &leg.to);
    out.other(",\"outcome\":", &leg.outcome);
    out.raw(",\"steps\":");
    out.list(&leg.steps, step);
    out.raw(",\"branches\":");
    out.list(&leg.branches, branch);
    out.raw("}");
}

fn branch(out: &mut Out, branch: &Branch) {
    out.other("{\"probability\":", &branch.probability);
    out.other(",\"outcome\":", &branch.outcome);
    if let Some(also) = &branch.also {
        out.other(",\"also\":", also);
    }
    if branch.retries {
        out.raw(",\"retries\":true");
    }
    out.if_any(",\"backend\":", branch.backend.as_deref());
    out.if_any(",\"client\":", branch.client.as_deref());
    out.raw(",\"hops\":");
    out.list(&branch.hops, hop);
    out.raw(",\"reply\":{\"hops\":");
    out.list(&branch.reply.hops, hop);
    out.raw("}}");
}

fn hop(out: &mut Out, hop: &Hop) {
    out.raw("{\"namespace\":");
    out.text(&hop.namespace);
    out.raw(",\"object\":");
    out.text(&hop.object);
    out.if_any(",\"device_in\":", hop.device_in.as_deref());
    out.if_any(",\"device_out\":", hop.device_out.as_deref());
    out.raw(",\"before\":");
    out.raw(hop.before.json());
    out.raw(",\"after\":");
    out.raw(hop.after.json());
    out.raw(",\"steps\":");
    out.list(&hop.steps, step);
    out.raw(if hop.as_if_passed {
        ",\"as_if_passed\":true}"
    } else {
        "}"
    });
}

fn step(out: &mut Out, step: &HopStep) {
    out.raw("{\"text\":");
    out.text(&step.text);
    out.raw(match step.status {
        StepStatus::Normal => ",\"status\":\"normal\",\"evidence\":",
        StepStatus::Blocked => ",\"status\":\"blocked\",\"evidence\":",
        StepStatus::Unknown => ",\"status\":\"unknown\",\"evidence\":",
    });
    out.list(&step.evidence, shared);
    out.raw("}");
}

fn shared<T: Serialize>(out: &mut Out, part: &Shared<T>) {
    out.raw(part.json());
}

impl Out {
    fn raw(&mut self, text: &str) {
        self.0.push_str(text);
    }

    /// A string.
    fn text(&mut self, text: &str) {
        let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
        // All of it, without a way out: a compiler makes that many bytes at a time.
        if text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
            self.raw("\"");
            self.raw(text);
            self.raw("\"");
        } else {
            self.other("", text);
        }
    }

    fn if_any(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.raw(name);
            self.text(text);
        }
    }

    /// A field by way of serde.
    fn other<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        self.raw(name);
        // Plain data with string keys: it always serialises.
        self.raw(&serde_json::to_string(value).unwrap_or_default());
    }

    fn list<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T)) {
        self.raw("[");
        for (place, item) in items.iter().enumerate() {
            if place > 0 {
                self.raw(",");
            }
            write(self, item);
        }
        self.raw("]");
    }
}
