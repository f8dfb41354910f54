//! What the standard library's sockets cannot do: options before binding, and a server's own address for UDP.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};

use nix::libc;
use nix::sys::socket::{
    AddressFamily, Backlog, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType,
    SockaddrStorage, bind, recvmsg, sendmsg, setsockopt, socket, sockopt,
};
use pathglass_sim::flow::Protocol;

use super::{HEAD, answer};
use crate::oracle::spec::Listener;

const BACKLOG: i32 = 1024;

/// A socket of this thread's namespace.
fn open(protocol: Protocol, address: IpAddr) -> io::Result<OwnedFd> {
    let family = match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    let kind = match protocol {
        Protocol::Tcp => SockType::Stream,
        _ => SockType::Datagram,
    };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    Ok(socket(family, kind, flags, None)?)
}

/// A client's socket with this source port; the kernel chooses its address.
pub(super) fn client(protocol: Protocol, to: IpAddr, port: u16) -> io::Result<OwnedFd> {
    let fd = open(protocol, to)?;
    let any: IpAddr = match to {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    bind(
        fd.as_raw_fd(),
        &SockaddrStorage::from(SocketAddr::new(any, port)),
    )?;
    Ok(fd)
}

/// Begins to connect.
pub(super) fn connect(fd: impl AsFd, to: SocketAddr) -> io::Result<()> {
    let fd = fd.as_fd().as_raw_fd();
    match nix::sys::socket::connect(fd, &SockaddrStorage::from(to)) {
        Ok(()) | Err(nix::errno::Errno::EINPROGRESS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A server's socket.
pub(super) fn listen(listener: &Listener) -> io::Result<OwnedFd> {
    let fd = open(listener.protocol, listener.address)?;
    if listener.protocol == Protocol::Tcp {
        setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    }
    if listener.reuse_port {
        setsockopt(&fd, sockopt::ReusePort, &true)?;
    }
    if listener.transparent && listener.address.is_ipv4() {
        setsockopt(&fd, sockopt::IpTransparent, &true)?;
    }
    if let Some(device) = &listener.device {
        setsockopt(&fd, sockopt::BindToDevice, &device.into())?;
    }
    if listener.address.is_ipv6() {
        setsockopt(&fd, sockopt::Ipv6V6Only, &listener.v6_only)?;
    }
    if listener.protocol != Protocol::Tcp {
        if listener.address.is_ipv4() {
            setsockopt(&fd, sockopt::Ipv4PacketInfo, &true)?;
        } else {
            setsockopt(&fd, sockopt::Ipv6RecvPacketInfo, &true)?;
        }
    }
    let address = SocketAddr::new(listener.address, listener.port);
    bind(fd.as_raw_fd(), &SockaddrStorage::from(address))?;
    if listener.protocol == Protocol::Tcp {
        nix::sys::socket::listen(&fd, Backlog::new(BACKLOG)?)?;
    }
    Ok(fd)
}

/// Answers every datagram that waits, from the address that it was sent to.
pub(super) fn answer_datagrams(server: &UdpSocket) {
    while answer_datagram(server).is_some() {}
}

fn answer_datagram(server: &UdpSocket) -> Option<()> {
    let mut buffer = vec![0; 65536];
    let mut space = nix::cmsg_space!(libc::in6_pktinfo, libc::in_pktinfo);
    let port = server.local_addr().ok()?.port();
    let (n_bytes, client, (own, link)) = {
        let mut slices = [IoSliceMut::new(&mut buffer)];
        let message = recvmsg::<SockaddrStorage>(
            server.as_raw_fd(),
            &mut slices,
            Some(&mut space),
            MsgFlags::MSG_DONTWAIT,
        )
        .ok()?;
        let own = message.cmsgs().ok()?.find_map(|control| match control {
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                let own = Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr));
                Some((IpAddr::V4(own), 0))
            }
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                let own = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                // A link-local address means something on its link only.
                let link = info.ipi6_ifindex * u32::from(own.is_unicast_link_local());
                Some((IpAddr::V6(own), link))
            }
            _ => None,
        })?;
        (message.bytes, message.address?, own)
    };
    let peer = address(&client)?;
    let text = answer(peer, SocketAddr::new(own, port), n_bytes.max(HEAD));
    let slices = [IoSlice::new(&text)];
    let result = match own {
        IpAddr::V4(own) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr {
                    s_addr: u32::from(own).to_be(),
                },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            let control = [ControlMessage::Ipv4PacketInfo(&info)];
            send(server, &slices, &control, &client)
        }
        IpAddr::V6(own) => {
            let info = libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr {
                    s6_addr: own.octets(),
                },
                ipi6_ifindex: link,
            };
            let control = [ControlMessage::Ipv6PacketInfo(&info)];
            send(server, &slices, &control, &client)
        }
    };
    // A learned path MTU shows as an error once; the second try is cut to size by the kernel.
    let _ = result;
    Some(())
}

fn send(
    server: &UdpSocket,
    slices: &[IoSlice<'_>],
    control: &[ControlMessage<'_>],
    to: &SockaddrStorage,
) -> nix::Result<usize> {
    sendmsg(
        server.as_raw_fd(),
        slices,
        control,
        MsgFlags::MSG_DONTWAIT,
        Some(to),
    )
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(SocketAddr::new(v4.ip().into(), v4.port()));
    }
    let v6 = storage.as_sockaddr_in6()?;
    Some(SocketAddr::new(v6.ip().into(), v6.port()))
}
