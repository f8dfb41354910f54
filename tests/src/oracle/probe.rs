//! Sends real packets: every flow's attempts at once, clients and servers in one loop.
//!
//! A socket belongs to the namespace in which it was made; after that any thread can use it. So one loop drives
//! all of a world's sockets, and no process is started.

mod accepted;
mod socket;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pathglass::assert::Observation;
use pathglass_sim::flow::Protocol;
use pathglass_sim::verdict::Outcome;

use accepted::{answer, is_too_large};

use super::Problem;
use super::netns::{self, Namespaces};
use super::spec::{Deed, Flow, Listener, Spec};

/// How long a handshake may take: one retransmission (after 1 s) and its answer.
const HANDSHAKE: Duration = Duration::from_millis(1700);
/// A handshake that took longer lost its first SYN.
const RETRANSMITTED: Duration = Duration::from_millis(900);
/// How long data may take after the handshake: several retransmissions (from 0.2 s on).
const EXCHANGE: Duration = Duration::from_millis(4000);
/// A UDP client sends again after this, and gives up after three times this.
const UDP_AGAIN: Duration = Duration::from_millis(500);
/// Payload of a flow that asks for none.
const SMALL: u32 = 128;
/// What each request begins with: its length.
const HEAD: usize = 4;
/// Attempts that begin in one turn of the loop.
const BURST: usize = 64;
/// First source port: each attempt has its own, so that no two connections share a tuple.
const FIRST_PORT: u16 = 33000;

/// Servers that listen, until this goes.
#[derive(Debug, Default)]
pub struct Servers {
    tcp: Vec<TcpListener>,
    udp: Vec<UdpSocket>,
    /// Those that could not be bound.
    pub refused: Vec<String>,
}

/// Lets the servers of `spec` listen.
///
/// # Errors
/// When a namespace is gone. A server that cannot be bound is noted: the capture shows that it is not there.
pub fn serve(spec: &Spec, namespaces: &Namespaces) -> Result<Servers, Problem> {
    let mut by_place: BTreeMap<&str, Vec<&Listener>> = BTreeMap::new();
    for op in &spec.ops {
        if let Deed::Listen(listener) = &op.deed {
            by_place.entry(&op.at).or_default().push(listener);
        }
    }
    let mut servers = Servers::default();
    for (place, listeners) in by_place {
        let Some(name) = namespaces.name(place) else {
            continue;
        };
        let opened = netns::within(name, || {
            listeners
                .iter()
                .map(|listener| (socket::listen(listener), *listener))
                .collect::<Vec<_>>()
        })?;
        for (result, listener) in opened {
            match (result, listener.protocol) {
                (Ok(fd), Protocol::Tcp) => servers.tcp.push(fd.into()),
                (Ok(fd), _) => servers.udp.push(fd.into()),
                (Err(error), _) => servers
                    .refused
                    .push(format!("{place}: {listener:?}: {error}")),
            }
        }
    }
    Ok(servers)
}

/// What became of one attempt.
#[derive(Debug, Clone)]
struct End {
    outcome: Outcome,
    backend: Option<String>,
    client: Option<String>,
    retransmitted: bool,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    Udp(UdpSocket),
}

/// An attempt of a flow.
#[derive(Debug)]
struct Attempt {
    flow: usize,
    socket: Socket,
    to: SocketAddr,
    request: Vec<u8>,
    sent: usize,
    received: Vec<u8>,
    begun: Option<Instant>,
    connected: Option<Instant>,
    n_datagrams: u32,
    end: Option<End>,
}

/// A connection that a server accepted.
#[derive(Debug)]
struct Accepted {
    stream: TcpStream,
    received: usize,
    wanted: Option<usize>,
    head: Vec<u8>,
    answer: Vec<u8>,
    sent: usize,
}

/// Tries every flow of `spec` and says what was seen, flow by flow.
///
/// # Errors
/// When sockets run out or a namespace is gone.
pub fn probe(
    spec: &Spec,
    namespaces: &Namespaces,
    servers: &Servers,
) -> Result<Vec<Observation>, Problem> {
    let mut attempts = attempts(&spec.flows, namespaces)?;
    let mut accepted: Vec<Accepted> = Vec::new();
    let (mut n_begun, n_all) = (0, attempts.len());
    loop {
        for attempt in attempts.iter_mut().skip(n_begun).take(BURST) {
            attempt.begin();
        }
        n_begun = n_all.min(n_begun + BURST);
        let now = Instant::now();
        for attempt in &mut attempts {
            attempt.tick(now);
        }
        if n_begun == n_all && attempts.iter().all(|attempt| attempt.end.is_some()) {
            break;
        }
        turn(&mut attempts, &mut accepted, servers, n_begun == n_all)?;
    }
    Ok(spec
        .flows
        .iter()
        .enumerate()
        .map(|(index, flow)| {
            let ends = attempts
                .iter()
                .filter(|attempt| attempt.flow == index)
                .filter_map(|attempt| attempt.end.as_ref());
            observation(flow, ends)
        })
        .collect())
}

/// One turn: waits for what can be done, and does it.
fn turn(
    attempts: &mut [Attempt],
    accepted: &mut Vec<Accepted>,
    servers: &Servers,
    all_begun: bool,
) -> Result<(), Problem> {
    let mut fds = Vec::new();
    let mut who = Vec::new();
    for (index, attempt) in attempts.iter().enumerate() {
        if let Some(flags) = attempt.wants() {
            let fd = match &attempt.socket {
                Socket::Tcp(stream) => stream.as_fd(),
                Socket::Udp(socket) => socket.as_fd(),
            };
            fds.push(PollFd::new(fd, flags));
            who.push(Who::Attempt(index));
        }
    }
    for (index, connection) in accepted.iter().enumerate() {
        fds.push(PollFd::new(connection.stream.as_fd(), connection.wants()));
        who.push(Who::Accepted(index));
    }
    for (index, listener) in servers.tcp.iter().enumerate() {
        fds.push(PollFd::new(listener.as_fd(), PollFlags::POLLIN));
        who.push(Who::Listener(index));
    }
    for (index, server) in servers.udp.iter().enumerate() {
        fds.push(PollFd::new(server.as_fd(), PollFlags::POLLIN));
        who.push(Who::Server(index));
    }
    let patience = if all_begun { 20u8 } else { 2 };
    match poll(&mut fds, PollTimeout::from(patience)) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => {}
        Err(error) => return Err(Problem::of("poll", &error)),
    }
    let ready: Vec<Who> = fds
        .iter()
        .zip(who)
        .filter(|(fd, _)| fd.revents().is_some_and(|flags| !flags.is_empty()))
        .map(|(_, who)| who)
        .collect();
    drop(fds);
    let mut done = BTreeSet::new();
    let mut new = Vec::new();
    for who in ready {
        match who {
            Who::Attempt(index) => {
                if let Some(attempt) = attempts.get_mut(index) {
                    attempt.go_on();
                }
            }
            Who::Accepted(index) => {
                let is_done = accepted.get_mut(index).is_none_or(Accepted::go_on);
                if is_done {
                    done.insert(index);
                }
            }
            Who::Listener(index) => {
                while let Some(Ok((stream, _))) = servers.tcp.get(index).map(TcpListener::accept) {
                    let _ = stream.set_nonblocking(true);
                    new.push(Accepted::new(stream));
                }
            }
            Who::Server(index) => {
                if let Some(server) = servers.udp.get(index) {
                    socket::answer_datagrams(server);
                }
            }
        }
    }
    let mut index = 0;
    accepted.retain(|_| {
        index += 1;
        !done.contains(&(index - 1))
    });
    accepted.extend(new);
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Who {
    Attempt(usize),
    Accepted(usize),
    Listener(usize),
    Server(usize),
}

fn attempts(flows: &[Flow], namespaces: &Namespaces) -> Result<Vec<Attempt>, Problem> {
    let mut port = FIRST_PORT;
    let mut wanted: BTreeMap<&str, Vec<(usize, u16)>> = BTreeMap::new();
    for (index, flow) in flows.iter().enumerate() {
        for _ in 0..flow.attempts {
            wanted.entry(&flow.from).or_default().push((index, port));
            port = port.wrapping_add(1).max(FIRST_PORT);
        }
    }
    let mut attempts = Vec::new();
    for (place, wanted) in wanted {
        let name = namespaces
            .name(place)
            .ok_or_else(|| Problem(format!("no namespace {place}")))?;
        let opened: Vec<(usize, std::io::Result<OwnedFd>)> = netns::within(name, || {
            wanted
                .iter()
                .filter_map(|(index, port)| {
                    let flow = flows.get(*index)?;
                    Some((*index, socket::client(flow.protocol, flow.to, *port)))
                })
                .collect()
        })?;
        for (index, fd) in opened {
            let fd = fd.map_err(|error| Problem::of(place, &error))?;
            if let Some(flow) = flows.get(index) {
                attempts.push(Attempt::new(index, flow, fd));
            }
        }
    }
    // Every flow's first attempt, then every second one: what depends on order is spread.
    let mut nth: BTreeMap<usize, u32> = BTreeMap::new();
    let mut order: Vec<(u32, usize, Attempt)> = attempts
        .into_iter()
        .map(|attempt| {
            let nth = nth.entry(attempt.flow).or_default();
            *nth += 1;
            (*nth, attempt.flow, attempt)
        })
        .collect();
    order.sort_by_key(|(nth, flow, _)| (*nth, *flow));
    Ok(order.into_iter().map(|(_, _, attempt)| attempt).collect())
}

impl Attempt {
    fn new(index: usize, flow: &Flow, fd: OwnedFd) -> Self {
        let bytes = flow.bytes.unwrap_or(SMALL);
        let mut request = bytes.to_be_bytes().to_vec();
        request.resize(usize::try_from(bytes).unwrap_or(HEAD).max(HEAD), b'q');
        Self {
            flow: index,
            socket: match flow.protocol {
                Protocol::Tcp => Socket::Tcp(fd.into()),
                _ => Socket::Udp(fd.into()),
            },
            to: SocketAddr::new(flow.to, flow.port),
            request,
            sent: 0,
            received: Vec::new(),
            begun: None,
            connected: None,
            n_datagrams: 0,
            end: None,
        }
    }

    fn begin(&mut self) {
        self.begun = Some(Instant::now());
        let result = match &self.socket {
            Socket::Tcp(stream) => socket::connect(stream, self.to),
            Socket::Udp(socket) => socket::connect(socket, self.to),
        };
        match (result, &self.socket) {
            (Ok(()), Socket::Udp(_)) => self.send_datagram(),
            (Ok(()), Socket::Tcp(_)) => {}
            (Err(error), _) => self.fail(&error),
        }
    }

    fn wants(&self) -> Option<PollFlags> {
        if self.begun.is_none() || self.end.is_some() {
            return None;
        }
        let is_writing = match &self.socket {
            Socket::Tcp(_) => self.connected.is_none() || self.sent < self.request.len(),
            Socket::Udp(_) => false,
        };
        Some(if is_writing {
            PollFlags::POLLIN | PollFlags::POLLOUT
        } else {
            PollFlags::POLLIN
        })
    }

    /// What the clock asks for.
    fn tick(&mut self, now: Instant) {
        let (Some(begun), None) = (self.begun, &self.end) else {
            return;
        };
        match (&self.socket, self.connected) {
            (Socket::Udp(_), _) => {
                if now >= begun + 3 * UDP_AGAIN {
                    self.finish(Outcome::Timeout);
                } else if self.n_datagrams == 1 && now >= begun + UDP_AGAIN {
                    self.send_datagram();
                }
            }
            (Socket::Tcp(_), None) if now >= begun + HANDSHAKE => self.finish(Outcome::Timeout),
            (Socket::Tcp(_), Some(connected)) if now >= connected + EXCHANGE => {
                self.finish(Outcome::Timeout);
            }
            (Socket::Tcp(_), _) => {}
        }
    }

    fn go_on(&mut self) {
        if matches!(self.socket, Socket::Udp(_)) {
            self.receive_datagram();
            return;
        }
        let Socket::Tcp(stream) = &mut self.socket else {
            return;
        };
        if self.connected.is_none() {
            match stream.take_error() {
                Ok(None) => match stream.peer_addr() {
                    Ok(_) => self.connected = Some(Instant::now()),
                    Err(_) => return,
                },
                Ok(Some(error)) | Err(error) => return self.fail(&error),
            }
        }
        while let Some(rest) = self
            .request
            .get(self.sent..)
            .filter(|rest| !rest.is_empty())
        {
            match stream.write(rest) {
                Ok(n_bytes) => self.sent += n_bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return self.fail(&error),
            }
        }
        let mut buffer = [0; 16384];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(n_bytes) => self
                    .received
                    .extend_from_slice(buffer.get(..n_bytes).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return self.fail(&error),
            }
        }
        if self.received.len() >= self.request.len() {
            self.finish(Outcome::Connected);
        }
    }

    fn send_datagram(&mut self) {
        let Socket::Udp(socket) = &self.socket else {
            return;
        };
        self.n_datagrams += 1;
        match socket.send(&self.request) {
            Ok(_) => {}
            Err(error) if is_too_large(&error) => {
                // The path's MTU was learned just now: the kernel has taken note of it.
                if let Err(error) = socket.send(&self.request) {
                    self.fail(&error);
                }
            }
            Err(error) => self.fail(&error),
        }
    }

    fn receive_datagram(&mut self) {
        let Socket::Udp(socket) = &self.socket else {
            return;
        };
        let mut buffer = [0; 65536];
        match socket.recv(&mut buffer) {
            Ok(n_bytes) => {
                self.received = buffer.get(..n_bytes).unwrap_or_default().to_vec();
                self.finish(Outcome::Connected);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock || is_too_large(&error) => {}
            Err(error) => self.fail(&error),
        }
    }

    fn fail(&mut self, error: &std::io::Error) {
        self.finish(match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                Outcome::Refused
            }
            ErrorKind::TimedOut => Outcome::Timeout,
            _ => Outcome::Unreachable,
        });
    }

    fn finish(&mut self, outcome: Outcome) {
        let said = String::from_utf8_lossy(&self.received);
        let mut words = said.split_whitespace();
        let answered = outcome == Outcome::Connected;
        let mut word = || words.next().filter(|_| answered).map(str::to_owned);
        let (client, backend) = (word(), word());
        let took = self.begun.zip(self.connected).map(|(a, b)| b - a);
        self.end = Some(End {
            outcome,
            backend,
            client,
            retransmitted: answered && took.is_some_and(|took| took > RETRANSMITTED),
        });
        if let Socket::Tcp(stream) = &self.socket {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn observation<'a>(flow: &Flow, ends: impl Iterator<Item = &'a End>) -> Observation {
    let mut outcomes: BTreeMap<Outcome, u32> = BTreeMap::new();
    let (mut backends, mut clients) = (BTreeSet::new(), BTreeSet::new());
    let (mut attempts, mut retransmitted) = (0, 0);
    for end in ends {
        attempts += 1;
        *outcomes.entry(end.outcome).or_default() += 1;
        retransmitted += u32::from(end.retransmitted);
        backends.extend(end.backend.clone());
        clients.extend(end.client.clone());
    }
    Observation {
        attempts,
        outcomes,
        backends: backends.into_iter().collect(),
        clients: clients.into_iter().collect(),
        retransmitted,
        sequential: flow.sequential,
    }
}
