//! `pathglass collect`: this node's state, per network namespace, as the standard tools print it.

mod manifest;
mod namespace;
mod netns;
mod pod;
mod process;
mod redact;
mod taken;
pub mod tool;

use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};

use crate::error::CommandError;
use crate::write::{Access, Existing, write_atomically};
use crate::{Exit, output};
use manifest::Manifest;
use namespace::{Entrance, Namespace};
use pod::{NamedPod, Pod};
use taken::Taken;
use tool::Toolbox;

/// The name of `capture.json`'s format.
pub const SCHEMA: &str = "pathglass.capture/1";

const EXAMPLES: &str = "\
Runs ip, bridge, iptables-save, nft, ipset, ss, sysctl and the like in the node's network
namespace and in each pod's, changes nothing, and notes in capture.json what could not be had.
WireGuard keys and process ids are left out. Nothing is sent anywhere.

Examples:
  sudo pathglass collect -o capture
  sudo pathglass collect -o capture --node node-1       where the node is called so in Kubernetes
  sudo pathglass collect -o capture --pod shop/web-1=web-netns      these namespaces only

Complete it from anywhere with kubectl, one file per resource:
  mkdir capture/kube
  for r in nodes pods services endpoints endpointslices namespaces networkpolicies ingresses
  do kubectl get $r -A -o json > capture/kube/$r.json; done
Where the cluster has them, policies of other kinds too:
  adminnetworkpolicies baselineadminnetworkpolicies clusternetworkpolicies serviceaccounts
  networkpolicies.crd.projectcalico.org globalnetworkpolicies networksets globalnetworksets tiers
  hostendpoints ciliumnetworkpolicies ciliumclusterwidenetworkpolicies

Where there is no pathglass, deploy/collect.sh makes the same capture with a shell alone.";

/// The arguments of `pathglass collect`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The folder to write to; another node's capture may be in it already
    #[arg(short, long, value_name = "FOLDER")]
    pub output: PathBuf,
    /// The node's name in Kubernetes; the host name unless given
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,
    /// A pod and its namespace's name (`ip netns`) or file, instead of looking for pods; may be given several times
    #[arg(long, value_name = "NS/NAME=NETNS")]
    pub pod: Vec<NamedPod>,
    /// The node's own namespace only
    #[arg(long, conflicts_with = "pod")]
    pub no_pods: bool,
    /// Seconds that a tool may take
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
}

/// Captures this node.
///
/// # Errors
/// When not root on Linux, or when the folder cannot be written or has this node already.
pub fn run(args: &Args) -> Result<Exit, CommandError> {
    demand_root()?;
    let node = match &args.node {
        Some(name) => name.clone(),
        None => host_name()?,
    };
    if !is_plain(&node) {
        return Err(CommandError::Usage(format!(
            "--node: `{node}` is no node name: letters, digits, `-` and `.`"
        )));
    }
    let folder = &args.output;
    let machine = format!("nodes/{node}");
    if folder.join(&machine).symlink_metadata().is_ok() {
        return Err(CommandError::input(
            &folder.join(&machine),
            "is there already: name a new folder, nothing is overwritten",
        ));
    }
    let mut manifest = Manifest::load(folder)?;
    make_folder(folder)?;
    let toolbox = Toolbox::find(args.timeout);
    manifest.begin(&machine, &toolbox);
    let pods = match (args.no_pods, args.pod.as_slice()) {
        (true, _) => Vec::new(),
        (false, []) => pod::find(&toolbox),
        (false, named) => named.iter().map(Pod::named).collect(),
    };
    let host = Namespace {
        path: format!("{machine}/host"),
        entrance: Entrance::Own,
        process: None,
        found_by: "the namespace that the collector ran in".to_owned(),
    };
    let namespaces = std::iter::once(host)
        .chain(pods.into_iter().map(|pod| pod.namespace(&machine)))
        .collect::<Vec<_>>();
    for (index, namespace) in namespaces.iter().enumerate() {
        output::note(&format!(
            "{} of {}: {}",
            index + 1,
            namespaces.len(),
            namespace.path
        ));
        capture(folder, namespace, &toolbox, &mut manifest)?;
    }
    manifest.write(folder)?;
    output::print(&format!(
        "captured {} network namespaces into {}\n{}",
        namespaces.len(),
        folder.display(),
        manifest.unknowns()
    ))?;
    Ok(Exit::Yes)
}

fn capture(
    folder: &Path,
    namespace: &Namespace,
    toolbox: &Toolbox,
    manifest: &mut Manifest,
) -> Result<(), CommandError> {
    let began = Utc::now();
    let target = folder.join(&namespace.path);
    std::fs::create_dir_all(&target).map_err(CommandError::io("make", &target))?;
    for Taken {
        file,
        bytes,
        state,
        reason,
        command,
    } in namespace.take_all(toolbox)
    {
        if let Some(bytes) = bytes {
            write_atomically(&target.join(file), &bytes, Existing::Keep, Access::Shared)?;
        }
        manifest.file(&namespace.path, file, state, reason, command);
    }
    manifest.namespace(namespace, &rfc3339(began));
    Ok(())
}

fn make_folder(folder: &Path) -> Result<(), CommandError> {
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(folder).map_err(CommandError::io("make", folder))?;
    // An unpruned capture is nobody else's business.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
            .map_err(CommandError::io("protect", folder))?;
    }
    Ok(())
}

fn demand_root() -> Result<(), CommandError> {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt as _;
        let own = Path::new("/proc/self");
        let metadata = std::fs::metadata(own).map_err(CommandError::io("read", own))?;
        if metadata.uid() != 0 {
            return Err(CommandError::Usage(
                "collect needs root, to enter the pods' network namespaces: run it with sudo"
                    .to_owned(),
            ));
        }
        Ok(())
    }
    #[cfg(not(target_os = "linux"))]
    Err(CommandError::Usage(
        "collect runs on Linux nodes only".to_owned(),
    ))
}

fn host_name() -> Result<String, CommandError> {
    let path = Path::new("/proc/sys/kernel/hostname");
    let name = std::fs::read_to_string(path).map_err(CommandError::io("read", path))?;
    // kubelet registers the host name in lower case.
    Ok(name.trim().to_lowercase())
}

/// Whether `name` is safe as a file's name and as a Kubernetes name.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && !name.starts_with('.')
        && name
            .chars()
            .all(|symbol| symbol.is_ascii_alphanumeric() || matches!(symbol, '-' | '.' | '_'))
}

/// A time as capture.json writes it.
#[must_use]
pub fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
