//! Listening sockets, as ss of iproute2 6.1 prints them.

use super::*;
use crate::evidence::testing::{clean, file, problems};

const REAL: &str = r#"udp UNCONN 0      0                0.0.0.0:54   0.0.0.0:* users:(("python3",pid=26529,fd=12))
udp UNCONN 0      0                      *:55         *:* users:(("python3",pid=26529,fd=13)) ino:65610 sk:2 cgroup:/ v6only:0 <->
udp UNCONN 0      0                   [::]:4789    [::]:*
tcp LISTEN 0      5             0.0.0.0%va:84   0.0.0.0:* users:(("python3",pid=26529,fd=7))
tcp LISTEN 0      5           127.0.0.1%lo:83   0.0.0.0:* users:(("nginx",pid=1,fd=6),("nginx",pid=2,fd=6),("a b",fd=6))
tcp LISTEN 0      5                      *:81         *:* users:(("python3",fd=4))
tcp LISTEN 129    128                 [::]:82      [::]:*
tcp LISTEN 0      5              [fd00::1]:85      [::]:*
tcp LISTEN 0      5      [::ffff:10.0.0.1]:86         *:*
tcp LISTEN 0      5       [fe80::1]%eth0:87         *:*
udp ESTAB  0      0              10.0.0.1:53   10.0.0.9:99
sctp LISTEN 0     5                0.0.0.0:90   0.0.0.0:*
"#;

#[test]
fn every_form_of_local_address() {
    let file = file("ss.txt", REAL);
    let all = clean(parse(&file));
    let address = |port: u16| all.iter().find(|l| l.port == port).unwrap().address;
    assert_eq!(all.len(), 12);
    assert_eq!(address(54), ListenAddress::V4Any);
    assert_eq!(address(55), ListenAddress::Any);
    assert_eq!(address(4789), ListenAddress::V6Any { v6only: true });
    assert_eq!(address(83), ListenAddress::Ip([127, 0, 0, 1].into()));
    assert_eq!(address(85), ListenAddress::Ip("fd00::1".parse().unwrap()));
    assert_eq!(address(87), ListenAddress::Ip("fe80::1".parse().unwrap()));
}

#[test]
fn devices_queues_processes_and_peers() {
    let file = file("ss.txt", REAL);
    let all = clean(parse(&file));
    let of = |port: u16| all.iter().find(|l| l.port == port).unwrap();
    assert_eq!(of(84).device.as_deref(), Some("va"));
    assert_eq!(of(87).device.as_deref(), Some("eth0"));
    assert_eq!(of(83).processes, ["a b", "nginx"]);
    assert_eq!((of(82).recv_q, of(82).send_q), (129, 128));
    assert_eq!(of(53).peer, Some(([10, 0, 0, 9].into(), 99)));
    assert_eq!(of(54).peer, None);
    assert_eq!(of(90).protocol, Protocol::Sctp);
    assert_eq!(of(90).source.to_string(), "ss.txt:12");
}

#[test]
fn dual_stack_takes_both_families_and_v6only_does_not() {
    let v4: IpAddr = [10, 0, 0, 1].into();
    let v6: IpAddr = "fd00::1".parse().unwrap();
    assert!(ListenAddress::Any.accepts(v4) && ListenAddress::Any.accepts(v6));
    assert!(!ListenAddress::V4Any.accepts(v6));
    assert!(!ListenAddress::V6Any { v6only: true }.accepts(v4));
    let mapped = ListenAddress::Ip("::ffff:10.0.0.1".parse().unwrap());
    assert!(mapped.accepts(v4) && !mapped.accepts([10, 0, 0, 2].into()));
}

#[test]
fn a_header_is_skipped_and_a_broken_line_is_a_problem() {
    let parsed = parse(&file(
        "ss.txt",
        "Netid State Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n\
         tcp LISTEN 0 5 0.0.0.0:http 0.0.0.0:*\n\
         tcp LISTEN 0 5 0.0.0.0:70000 0.0.0.0:*\n\
         tcp LISTEN 0 5 0.0.0.0:80 0.0.0.0:*\n\
         tcp LISTEN 0\n",
    ));
    assert_eq!(parsed.value.len(), 1);
    assert_eq!(
        problems(&parsed),
        [
            "ss.txt:2: `http` is no port; run ss with `-n`",
            "ss.txt:3: `70000` is no port; run ss with `-n`",
            "ss.txt:5: Send-Q is missing",
        ]
    );
}
