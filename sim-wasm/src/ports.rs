//! The ports of one object: what a service offers, where a pod or node listens.

use std::collections::BTreeSet;
use std::sync::Arc;

use pathglass_sim::evidence::kube::service;
use pathglass_sim::evidence::socket::{self, ListenAddress};
use pathglass_sim::snapshot::{IndexRecord, ObjectKind, Step, Store};
use pathglass_sim::source::SourceFile;

use crate::core::done;
use crate::error::ErrorInfo;
use crate::pick::Port;

/// The ports that a flow to `object` can ask for; none where the capture does not tell.
pub(crate) fn of(store: &mut impl Store, object: &str) -> Result<Step<Vec<Port>>, ErrorInfo> {
    let Some((kind, namespace, name)) = split(object) else {
        return Ok(Step::Done(Vec::new()));
    };
    let record = done!(store.by_name(kind, namespace, name)?)
        .into_iter()
        .next();
    let Some(IndexRecord::Object {
        entry,
        node,
        host_network,
        ..
    }) = record
    else {
        return Ok(Step::Done(Vec::new()));
    };
    match kind {
        ObjectKind::Service => offered(store, &entry, namespace, name),
        ObjectKind::Node => listening(store, &format!("nodes/{name}/host/ss.txt")),
        ObjectKind::Pod if host_network => listening(store, &format!("nodes/{node}/host/ss.txt")),
        ObjectKind::Pod => listening(
            store,
            &format!("nodes/{node}/pods/{namespace}_{name}/ss.txt"),
        ),
    }
}

/// `pod:ns/name`, `service:ns/name` or `node:name` in parts.
fn split(object: &str) -> Option<(ObjectKind, &str, &str)> {
    let (kind, name) = object.split_once(':')?;
    match kind {
        "node" => Some((ObjectKind::Node, "", name)),
        "pod" => name
            .split_once('/')
            .map(|(ns, name)| (ObjectKind::Pod, ns, name)),
        "service" => name
            .split_once('/')
            .map(|(ns, name)| (ObjectKind::Service, ns, name)),
        _ => None,
    }
}

/// The ports in a service's spec.
fn offered(
    store: &mut impl Store,
    entry: &str,
    namespace: &str,
    name: &str,
) -> Result<Step<Vec<Port>>, ErrorInfo> {
    let Some(file) = done!(file(store, entry)?) else {
        return Ok(Step::Done(Vec::new()));
    };
    let services = service::parse(&file).value;
    let found = services
        .into_iter()
        .find(|service| service.meta.namespace == namespace && service.meta.name == name);
    let ports = found.map_or_else(Vec::new, |service| service.ports);
    Ok(Step::Done(
        ports
            .into_iter()
            .map(|port| Port {
                port: port.port,
                protocol: port.protocol,
                name: port.name,
            })
            .collect(),
    ))
}

/// The ports of sockets that listen for others than the machine itself.
fn listening(store: &mut impl Store, path: &str) -> Result<Step<Vec<Port>>, ErrorInfo> {
    let Some(file) = done!(file(store, path)?) else {
        return Ok(Step::Done(Vec::new()));
    };
    let listeners = socket::parse(&file).value;
    let open: BTreeSet<_> = listeners
        .into_iter()
        .filter(|listener| match listener.address {
            ListenAddress::Ip(ip) => !ip.is_loopback(),
            ListenAddress::Any | ListenAddress::V4Any | ListenAddress::V6Any { .. } => true,
        })
        .map(|listener| (listener.port, listener.protocol))
        .collect();
    Ok(Step::Done(
        open.into_iter()
            .map(|(port, protocol)| Port {
                port,
                protocol,
                name: None,
            })
            .collect(),
    ))
}

/// The captured file at `path`, as text.
pub(crate) fn file(
    store: &mut impl Store,
    path: &str,
) -> Result<Step<Option<Arc<SourceFile>>>, ErrorInfo> {
    let bytes = done!(store.read(path)?);
    Ok(Step::Done(bytes.map(|bytes| {
        Arc::new(SourceFile {
            name: path.to_owned(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
        })
    })))
}
