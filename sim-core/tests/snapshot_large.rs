//! A cluster of 5,000 nodes: what must be read of its snapshot before the first verdict.
#![expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use pathglass_sim::snapshot::{
    ByteRange, IndexRecord, ObjectKind, Reader, SealOptions, SnapshotError, Step, Store, Trust,
    seal,
};

#[path = "snapshot_large/cluster.rs"]
mod cluster;

use cluster::{N_NODES, node_address, node_name, pod_address, pod_name, pod_namespace};

#[test]
fn a_first_verdict_reads_less_than_a_hundredth_of_5000_nodes() {
    let sealed = seal(&cluster::cluster(), None, &SealOptions::default()).unwrap();
    assert_eq!(sealed.dropped, []);
    let mut host = Host {
        reader: Reader::new(sealed.bytes.len() as u64, Trust::default()),
        sealed: sealed.bytes,
        n_read: 0,
        n_requests: 0,
    };

    host.until_done(|reader| reader.open());
    let opening = host.n_read;
    assert_eq!(
        host.until_done(|reader| reader.machines()).len(),
        N_NODES as usize
    );

    // What a verdict on pod → service → pod on another node reads.
    let (source, destination) = ((17, 4), (4_321, 22));
    let node_of = |namespace: &str| namespace.split('/').take(2).collect::<Vec<_>>().join("/");
    let source_pod = pod_name(source.0, source.1);
    let service = host.until_done(|reader| reader.by_name(ObjectKind::Service, "team-7", "svc-7"));
    host.read_object(&service);
    let by_name = host.until_done(|reader| {
        reader.by_name(
            ObjectKind::Pod,
            &pod_namespace(source.0, source.1),
            &source_pod,
        )
    });
    host.read_object(&by_name);
    let by_address = host.until_done(|reader| {
        reader.by_address(pod_address(destination.0, destination.1).parse().unwrap())
    });
    host.read_object(&by_address);
    for address in [node_address(source.0), node_address(destination.0)] {
        let found = host.until_done(|reader| reader.by_address(address.parse().unwrap()));
        assert!(
            found
                .iter()
                .any(|record| matches!(record, IndexRecord::Interface { .. })),
            "{found:?}"
        );
        host.read_object(&found);
    }
    for (node, pod) in [source, destination] {
        let namespace = format!(
            "nodes/{}/pods/{}_{}",
            node_name(node),
            pod_namespace(node, pod),
            pod_name(node, pod)
        );
        host.read_namespace(&namespace);
        host.read_namespace(&format!("{}/host", node_of(&namespace)));
    }
    for list in [
        "kube/endpointslices.json",
        "kube/networkpolicies.json",
        "kube/configmaps.json",
    ] {
        let parts = host.until_done(|reader| reader.parts(list));
        for part in parts
            .iter()
            .filter(|part| !part.contains("team-") || part.ends_with("/team-7.json"))
        {
            host.until_done(|reader| reader.read(part)).unwrap();
        }
    }
    let total = host.sealed.len() as u64;
    println!(
        "snapshot {total} bytes; opening {opening}; before the first verdict {} ({:.3} %) in {} requests",
        host.n_read,
        host.n_read as f64 * 100.0 / total as f64,
        host.n_requests,
    );
    assert!(
        opening < 2_000_000,
        "manifest and directory: {opening} bytes"
    );
    assert!(
        host.n_read * 100 < total,
        "{} of {total} bytes",
        host.n_read
    );
    assert!(host.n_requests < 60, "{} requests", host.n_requests);
}

/// The host's side of the loop, counting.
struct Host {
    reader: Reader,
    sealed: Vec<u8>,
    n_read: u64,
    n_requests: u32,
}

impl Host {
    fn until_done<T>(&mut self, ask: impl Fn(&mut Reader) -> Result<Step<T>, SnapshotError>) -> T {
        loop {
            match ask(&mut self.reader).unwrap() {
                Step::Done(answer) => return answer,
                Step::Needs(ranges) => {
                    assert!(!ranges.is_empty());
                    for ByteRange { start, end } in ranges {
                        self.n_read += end - start;
                        self.n_requests += 1;
                        let bytes = &self.sealed[start as usize..end as usize];
                        self.reader.supply(ByteRange { start, end }, bytes).unwrap();
                    }
                }
            }
        }
    }

    fn read_object(&mut self, records: &[IndexRecord]) {
        let entries: Vec<_> = records
            .iter()
            .filter_map(|record| match record {
                IndexRecord::Object {
                    entry,
                    pointer,
                    name,
                    ..
                } => Some((entry.clone(), pointer.clone(), name.clone())),
                IndexRecord::Interface { .. } => None,
            })
            .collect();
        assert!(!entries.is_empty(), "{records:?}");
        for (entry, pointer, name) in entries {
            let bytes = self.until_done(|reader| reader.read(&entry)).unwrap();
            let list: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(
                list.pointer(&format!("{pointer}/metadata/name")).unwrap(),
                name.as_str()
            );
        }
    }

    fn read_namespace(&mut self, namespace: &str) {
        let states = self.until_done(|reader| reader.states(namespace));
        assert!(states.len() > 10, "{namespace} {states:?}");
        for file in states.keys() {
            self.until_done(|reader| reader.read(&format!("{namespace}/{file}")));
        }
    }
}
