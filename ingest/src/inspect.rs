//! `pathglass inspect`: what is inside, how old it is, what is missing.

pub mod contents;

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use pathglass_sim::snapshot;

pub use contents::Contents;

use crate::diagnose::Format;
use crate::error::CommandError;
use crate::input::{FolderFiles, OpenArgs, read_folder, read_snapshot};
use crate::text::clean;
use crate::verify::seal_words;
use crate::{Exit, output};

const EXAMPLES: &str = "\
Examples:
  pathglass inspect capture
  pathglass inspect cluster.pathglass --trust ops.pub
  pathglass inspect cluster.pathglass --format json | jq .unknown";

/// How many missing files are written out; the JSON has them all.
const MAX_UNKNOWN: usize = 20;

/// The arguments of `pathglass inspect`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A capture's folder, or a sealed snapshot
    pub capture: PathBuf,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// How the snapshot is opened.
    #[command(flatten)]
    pub open: OpenArgs,
}

/// Describes a capture or snapshot.
///
/// # Errors
/// When it cannot be read or is damaged.
pub fn run(args: &Args) -> Result<Exit, CommandError> {
    let path = &args.capture;
    let (files, seal) = if path.is_dir() {
        let FolderFiles { files, notes } = read_folder(path)?;
        for note in notes {
            output::note(&format!("note: {note}"));
        }
        (files, None)
    } else {
        let bytes = read_snapshot(path, &args.open)?;
        let verified = snapshot::verify(bytes, &args.open.trust()?).map_err(|source| {
            CommandError::Snapshot {
                path: path.clone(),
                source,
            }
        })?;
        (
            verified.files,
            Some((verified.seal, verified.manifest_sha256)),
        )
    };
    let mut contents = Contents::of(files).map_err(|source| CommandError::Snapshot {
        path: path.clone(),
        source,
    })?;
    if let Some((seal, manifest_sha256)) = seal {
        contents.seal = Some(seal);
        contents.manifest_sha256 = Some(manifest_sha256);
    }
    match args.format {
        Format::Text => output::print(&text(&contents, Utc::now()))?,
        Format::Json => {
            let json = serde_json::to_string_pretty(&contents)
                .map_err(|error| CommandError::input(path, error.to_string()))?;
            output::print_bytes(format!("{json}\n").as_bytes())?;
        }
    }
    Ok(Exit::Yes)
}

fn text(contents: &Contents, now: DateTime<Utc>) -> String {
    let mut lines = Vec::new();
    lines.push(match &contents.seal {
        Some(seal) => format!("Sealed    {}", seal_words(seal)),
        None => "Sealed    no: a folder, not pruned".to_owned(),
    });
    if let Some(manifest) = &contents.manifest_sha256 {
        lines.push(format!("Manifest  {manifest}"));
    }
    for (label, value) in [
        ("Cluster", &contents.cluster),
        ("Version", &contents.kubernetes),
        ("Kernel", &contents.kernel),
        ("Maker", &contents.collector),
    ] {
        if let Some(value) = value {
            lines.push(format!("{label:<9} {value}"));
        }
    }
    lines.push(format!(
        "Captured  {}",
        age(contents.captured_at.as_deref(), now)
    ));
    lines.push(format!(
        "Size      {} files, {} bytes",
        contents.n_files, contents.n_bytes
    ));
    let kube: Vec<String> = contents
        .kube
        .iter()
        .map(|(resource, count)| format!("{resource} {count}"))
        .collect();
    lines.push(format!("Kube      {}", none_or(&kube, ", ")));
    for (index, machine) in contents.machines.iter().enumerate() {
        let label = if index == 0 { "Machines" } else { "" };
        let pods = match machine.n_pods {
            0 => String::new(),
            n_pods => format!(", {n_pods} pods"),
        };
        lines.push(format!(
            "{label:<9} {}: {} files{pods}",
            machine.name, machine.n_files
        ));
    }
    for (index, unknown) in contents.unknown.iter().take(MAX_UNKNOWN).enumerate() {
        let label = if index == 0 { "Unknown" } else { "" };
        let first = unknown.namespaces.first().map_or("", String::as_str);
        let place = match unknown.namespaces.len() {
            1 => first.to_owned(),
            count => format!("{count} namespaces ({first} …)"),
        };
        let state = serde_json::to_value(unknown.state).unwrap_or_default();
        let state = state.as_str().unwrap_or_default();
        lines.push(format!("{label:<9} {} {state}: {place}", unknown.file));
    }
    let more = contents.unknown.len().saturating_sub(MAX_UNKNOWN);
    if more > 0 {
        lines.push(format!(
            "{:<9} and {more} more (--format json lists them)",
            ""
        ));
    }
    let mut text = String::new();
    for line in lines {
        text.push_str(&clean(&line));
        text.push('\n');
    }
    text
}

fn none_or(words: &[String], glue: &str) -> String {
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(glue)
    }
}

/// When, and how long ago.
fn age(captured_at: Option<&str>, now: DateTime<Utc>) -> String {
    let Some(text) = captured_at else {
        return "nobody knows when: capture.json has no captured_at".to_owned();
    };
    let Ok(time) = DateTime::parse_from_rfc3339(text) else {
        return format!("{text} (not a time in RFC 3339)");
    };
    let age = now.signed_duration_since(time);
    if age < TimeDelta::zero() {
        return format!("{text} (in the future: a clock is wrong)");
    }
    let ago = match (age.num_days(), age.num_hours(), age.num_minutes()) {
        (0, 0, minutes) => format!("{minutes} minutes"),
        (0, hours, _) => format!("{hours} hours"),
        (days, _, _) => format!("{days} days"),
    };
    format!("{text} ({ago} ago)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_is_told_in_the_largest_unit_that_fits() {
        let now = DateTime::parse_from_rfc3339("2026-01-31T12:00:00Z")
            .unwrap()
            .to_utc();
        for (time, expected) in [
            ("2026-01-31T11:18:00Z", "(42 minutes ago)"),
            ("2026-01-31T09:00:00Z", "(3 hours ago)"),
            ("2026-01-01T09:00:00Z", "(30 days ago)"),
            ("2027-01-01T09:00:00Z", "(in the future: a clock is wrong)"),
            ("soon", "(not a time in RFC 3339)"),
        ] {
            assert_eq!(age(Some(time), now), format!("{time} {expected}"));
        }
    }
}
