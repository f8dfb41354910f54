//! Connections through the table and back.

use super::*;

fn syn(src: &str, dst: &str, flags: u8) -> Packet {
    Packet {
        src: src.parse().unwrap(),
        dst: dst.parse().unwrap(),
        transport: Transport::Tcp {
            sport: Port::Known(40000),
            dport: Port::Known(80),
            flags: TcpFlags(flags),
        },
        length: 60,
        dont_fragment: true,
        ttl: 64,
        tos: 0,
        mark: 0,
    }
}

fn reply(packet: &Packet, flags: u8) -> Packet {
    let tuple = tuple_of(packet).unwrap().inverted();
    Packet {
        src: tuple.src,
        dst: tuple.dst,
        transport: Transport::Tcp {
            sport: tuple.sport,
            dport: tuple.dport,
            flags: TcpFlags(flags),
        },
        ..packet.clone()
    }
}

fn tracked(conns: &mut Vec<Conn>, packet: &Packet) -> Ct {
    match track(conns, "n", Zone::default(), packet, true) {
        Tracked::As(ct) => ct,
        Tracked::New(tuple, tcp) => {
            conns.push(Conn::new("n", Zone::default(), tuple, tcp));
            Ct::Attached {
                conn: conns.len() - 1,
                direction: CtDirection::Original,
                state: CtState::New,
            }
        }
    }
}

#[test]
fn a_translated_connection_is_translated_back() {
    let mut conns = Vec::new();
    let mut packet = syn("10.0.0.2", "10.96.0.1", TcpFlags::SYN);
    tracked(&mut conns, &packet);
    conns[0].translate_destination("10.0.1.5".parse().unwrap(), Port::Known(8080));
    conns[0].translate_source("10.0.0.1".parse().unwrap(), Port::Known(40000));
    conns[0].apply(&mut packet, CtDirection::Original, Manip::Destination);
    conns[0].apply(&mut packet, CtDirection::Original, Manip::Source);
    assert_eq!(
        (packet.src.to_string(), packet.dst.to_string()),
        ("10.0.0.1".into(), "10.0.1.5".into())
    );

    let mut back = reply(&packet, TcpFlags::SYN | TcpFlags::ACK);
    let ct = tracked(&mut conns, &back);
    assert!(matches!(
        ct,
        Ct::Attached {
            direction: CtDirection::Reply,
            state: CtState::Established,
            ..
        }
    ));
    conns[0].apply(&mut back, CtDirection::Reply, Manip::Destination);
    conns[0].apply(&mut back, CtDirection::Reply, Manip::Source);
    assert_eq!(
        tuple_of(&back).unwrap(),
        tuple_of(&syn("10.0.0.2", "10.96.0.1", 0))
            .unwrap()
            .inverted()
    );
}

#[test]
fn a_syn_ack_without_its_syn_is_invalid() {
    let mut conns = Vec::new();
    assert_eq!(
        tracked(
            &mut conns,
            &syn("10.0.0.2", "10.0.0.3", TcpFlags::SYN | TcpFlags::ACK)
        ),
        Ct::Invalid
    );
}

#[test]
fn data_behind_a_half_seen_handshake_is_invalid() {
    let mut conns = Vec::new();
    tracked(&mut conns, &syn("10.0.0.2", "10.0.0.3", TcpFlags::SYN));
    assert_eq!(
        tracked(&mut conns, &syn("10.0.0.2", "10.0.0.3", TcpFlags::ACK)),
        Ct::Invalid
    );
}

#[test]
fn an_error_travels_as_a_reply_and_is_translated_inside_and_out() {
    let mut conns = Vec::new();
    let packet = syn("10.0.0.2", "10.96.0.1", TcpFlags::SYN);
    tracked(&mut conns, &packet);
    conns[0].translate_destination("10.0.1.5".parse().unwrap(), Port::Known(8080));
    let about = conns[0].reply.inverted();
    let mut error = Packet {
        src: "10.0.9.9".parse().unwrap(),
        transport: Transport::IcmpError {
            kind: 3,
            code: 1,
            about,
        },
        ..reply(&packet, 0)
    };
    let ct = tracked(&mut conns, &error);
    assert!(matches!(
        ct,
        Ct::Attached {
            direction: CtDirection::Reply,
            state: CtState::Related,
            ..
        }
    ));
    conns[0].apply(&mut error, CtDirection::Reply, Manip::Source);
    assert_eq!(error.src.to_string(), "10.96.0.1");
    assert_eq!(
        error.transport,
        Transport::IcmpError {
            kind: 3,
            code: 1,
            about: tuple_of(&packet).unwrap()
        }
    );
}
