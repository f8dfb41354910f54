//! The server's side of a connection, and what both sides say on it.

use super::*;

impl Accepted {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            received: 0,
            wanted: None,
            head: Vec::new(),
            answer: Vec::new(),
            sent: 0,
        }
    }

    pub(super) fn wants(&self) -> PollFlags {
        if self.answer.len() > self.sent {
            PollFlags::POLLOUT
        } else {
            PollFlags::POLLIN
        }
    }

    /// Reads and answers; whether it is over.
    pub(super) fn go_on(&mut self) -> bool {
        let mut buffer = [0; 16384];
        while self.answer.is_empty() {
            match self.stream.read(&mut buffer) {
                Ok(0) => return true,
                Ok(n_bytes) => {
                    self.received += n_bytes;
                    let missing = HEAD.saturating_sub(self.head.len());
                    let head = buffer.get(..n_bytes.min(missing)).unwrap_or_default();
                    self.head.extend_from_slice(head);
                }
                Err(error) => return error.kind() != ErrorKind::WouldBlock,
            }
            if self.wanted.is_none() {
                self.wanted = length(&self.head);
            }
            if self.wanted.is_some_and(|wanted| self.received >= wanted)
                && let (Ok(peer), Ok(local)) = (self.stream.peer_addr(), self.stream.local_addr())
            {
                self.answer = answer(peer, local, self.received);
            }
        }
        while let Some(rest) = self.answer.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(n_bytes) => self.sent += n_bytes,
                Err(error) => return error.kind() != ErrorKind::WouldBlock,
            }
        }
        // The client ends it: reading again shows when.
        matches!(self.stream.read(&mut buffer), Ok(0))
    }
}

/// The length that a request's head names.
pub(super) fn length(head: &[u8]) -> Option<usize> {
    let head: [u8; HEAD] = head.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(head)).ok()
}

/// Whom the server saw, who it is, and padding.
pub(super) fn answer(client: SocketAddr, local: SocketAddr, n_bytes: usize) -> Vec<u8> {
    let local = SocketAddr::new(plain(local.ip()), local.port());
    let mut text = format!("{} {local} ", plain(client.ip())).into_bytes();
    text.resize(n_bytes.max(text.len()), b'.');
    text
}

/// An IPv4 address that an IPv6 socket saw is an IPv4 address.
pub(super) fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

pub(super) fn is_too_large(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(nix::libc::EMSGSIZE)
}
