//! Files and ids of network namespaces and of the processes in them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde_json::Value;

/// Host names and resolver files are small.
const MAX_READ: u64 = 1 << 20;

/// The small file `path` as the process sees it. Links are resolved inside the process's root, so that a
/// pod cannot make the collector read the node's files.
pub(super) fn read_in_root(process: u32, path: &str) -> Result<Vec<u8>, String> {
    use rustix::fs::{Mode, OFlags, ResolveFlags};
    let root = File::open(format!("/proc/{process}/root")).map_err(|error| error.to_string())?;
    // NONBLOCK: a pod could put a pipe there and let the collector wait for ever.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let file = rustix::fs::openat2(&root, path, flags, Mode::empty(), resolve)
        .map_err(|error| error.to_string())?;
    let file = File::from(file);
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err("it is no regular file".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(MAX_READ)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// The inode of the namespace that `ip netns` calls `name`.
pub(super) fn named_inode(name: &str) -> Option<u64> {
    std::fs::metadata(Path::new("/run/netns").join(name))
        .ok()
        .map(|metadata| metadata.ino())
}

/// Inodes by nsid, from `lsns -t net -J -o NS,NETNSID`; old versions print numbers as strings.
pub(super) fn nsid_inodes(json: &[u8]) -> BTreeMap<i64, u64> {
    let list: Value = serde_json::from_slice(json).unwrap_or_default();
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    list.get("namespaces")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|item| {
            let inode = u64::try_from(number(item.get("ns")?)?).ok()?;
            Some((
                number(item.get("netnsid")?).filter(|nsid| *nsid >= 0)?,
                inode,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lsns_tells_the_inodes_of_nsids() {
        let json = br#"{"namespaces": [{"ns": 4026531833, "netnsid": "unassigned"}, {"ns": "4026532387", "netnsid": "0"}, {"ns": 4026532388, "netnsid": 3}]}"#;
        assert_eq!(
            nsid_inodes(json),
            BTreeMap::from([(0, 4_026_532_387), (3, 4_026_532_388)])
        );
        assert!(nsid_inodes(b"lsns: unknown column").is_empty());
    }
}
