//! All pairs of pods at once: what is intended, with rows that are the same stored once.

use std::collections::BTreeMap;

use super::bits::Bits;
use super::compiled::{Compiled, Row};
use super::end::{Direction, End};
use super::model::Policies;
use crate::flow::Protocol;
use crate::verdict::Intention;

/// What is intended between each two of many pods.
#[derive(Debug)]
pub(crate) struct Matrix {
    /// The row of each pod, as the one that connects.
    row_of: Vec<usize>,
    rows: Vec<Cells>,
}

/// What is intended for connections of one pod to each pod.
#[derive(Debug)]
pub(crate) struct Cells {
    forbids: Bits,
    unknown: Bits,
}

/// The rows of one direction, each once.
struct Side {
    row_of: Vec<usize>,
    rows: Vec<Row>,
}

impl Matrix {
    /// What `policies` intend between `pods`.
    pub(crate) fn new(policies: &Policies, pods: &[End], protocol: Protocol, port: u16) -> Self {
        let n_pods = pods.len();
        // A pod of the host's network stands behind the pods once more, as its node.
        let on_host = pods.iter().enumerate();
        let on_host: Vec<(usize, End)> = on_host
            .filter(|(_, pod)| pod.readings().len() > 1)
            .filter_map(|(place, pod)| Some((place, pod.readings().into_iter().next()?)))
            .collect();
        let as_nodes = on_host.iter().map(|(_, end)| end.clone());
        let ends: Vec<End> = pods.iter().cloned().chain(as_nodes).collect();
        let places: Vec<usize> = on_host.into_iter().map(|(place, _)| place).collect();
        let compiled = Compiled::new(policies, &ends, protocol, port);
        let egress = Side::new(&compiled, n_pods, &places, Direction::Egress);
        let ingress = Side::new(&compiled, n_pods, &places, Direction::Ingress);
        combine(&egress, &ingress, n_pods)
    }

    /// What is intended for a connection from the pod at one place to that at another.
    pub(crate) fn cell(&self, from: usize, to: usize) -> Intention {
        let row = self.row_of.get(from).and_then(|row| self.rows.get(*row));
        match row {
            // A pod always reaches itself.
            Some(_) if from == to => Intention::Allows,
            Some(row) => row.cell(to),
            None => Intention::Unknown,
        }
    }

    /// The rows, each with the pods that it is the row of.
    pub(crate) fn rows(&self) -> Vec<(&Cells, Vec<usize>)> {
        let mut rows: Vec<(&Cells, Vec<usize>)> =
            self.rows.iter().map(|row| (row, Vec::new())).collect();
        for (pod, row) in self.row_of.iter().enumerate() {
            if let Some((_, pods)) = rows.get_mut(*row) {
                pods.push(pod);
            }
        }
        rows
    }
}

impl Cells {
    /// What is intended towards the pod at `to`.
    pub(crate) fn cell(&self, to: usize) -> Intention {
        match (self.forbids.has(to), self.unknown.has(to)) {
            (true, _) => Intention::Forbids,
            (false, true) => Intention::Unknown,
            (false, false) => Intention::Allows,
        }
    }
}

impl Side {
    fn new(compiled: &Compiled<'_>, n_pods: usize, as_nodes: &[usize], way: Direction) -> Self {
        let mut known = BTreeMap::new();
        let mut distinct = BTreeMap::new();
        let mut side = Self {
            row_of: Vec::new(),
            rows: Vec::new(),
        };
        for pod in 0..n_pods {
            let on_host = as_nodes.contains(&pod);
            let key = (compiled.signature(pod, way), on_host);
            let place = *known.entry(key).or_insert_with(|| {
                let mut row = compiled.row(pod, way);
                fold(&mut row.allow, n_pods, as_nodes);
                fold(&mut row.deny, n_pods, as_nodes);
                if on_host {
                    // Seen as its node, no policy bears on it.
                    row.allow = Bits::all(n_pods);
                }
                *distinct.entry(row.clone()).or_insert_with(|| {
                    side.rows.push(row);
                    side.rows.len() - 1
                })
            });
            side.row_of.push(place);
        }
        side
    }
}

/// A pod's bit is that of all ways in which it may be seen.
fn fold(bits: &mut Bits, n_pods: usize, as_nodes: &[usize]) {
    for (behind, pod) in as_nodes.iter().enumerate() {
        if bits.has(n_pods + behind) {
            bits.set(*pod);
        }
    }
    bits.truncate(n_pods);
}

/// Out of the one and into the other: who forbids wins, and both must be known to allow.
fn combine(egress: &Side, ingress: &Side, n_pods: usize) -> Matrix {
    let mut receivers = vec![Bits::none(n_pods); ingress.rows.len()];
    for (pod, row) in ingress.row_of.iter().enumerate() {
        if let Some(pods) = receivers.get_mut(*row) {
            pods.set(pod);
        }
    }
    let state = |row: &Row, from: usize| (row.deny.has(from), row.allow.has(from));
    let mut known: BTreeMap<(usize, Vec<(bool, bool)>), usize> = BTreeMap::new();
    let mut matrix = Matrix {
        row_of: Vec::new(),
        rows: Vec::new(),
    };
    for (pod, out) in egress.row_of.iter().enumerate() {
        let column: Vec<_> = ingress.rows.iter().map(|row| state(row, pod)).collect();
        let place = *known
            .entry((*out, column))
            .or_insert_with_key(|(out, column)| {
                let none = || Bits::none(n_pods);
                let (mut forbids, mut unknown) = match egress.rows.get(*out) {
                    Some(row) => (
                        row.deny.clone().without(&row.allow),
                        row.deny.clone().and(&row.allow),
                    ),
                    None => (none(), none()),
                };
                for ((denies, allows), pods) in column.iter().zip(&receivers) {
                    match (denies, allows) {
                        (true, false) => forbids.or_with(pods),
                        (true, true) => unknown.or_with(pods),
                        (false, _) => {}
                    }
                }
                matrix.rows.push(Cells { forbids, unknown });
                matrix.rows.len() - 1
            });
        matrix.row_of.push(place);
    }
    matrix
}
