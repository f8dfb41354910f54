//! Virtual services as `ipvsadm -Sn` prints them.

use super::*;
use crate::evidence::testing::{clean, file, problems};

const REAL: &str = "\
-A -t 10.96.0.1:443 -s rr -p 10800
-a -t 10.96.0.1:443 -r 10.99.0.250:6443 -m -w 1
-A -u 10.96.0.10:53 -s rr
-a -u 10.96.0.10:53 -r 10.244.0.2:53 -m -w 1
-a -u 10.96.0.10:53 -r 10.244.1.2:53 -m -w 0 -x 100 -y 80
-A -t [fd00::10]:80 -s sh -b sh-fallback,sh-port -p 60 -M 64
-a -t [fd00::10]:80 -r [fd00:1::2]:8080 -m -w 1
-A -f 5 -s wlc -p 300 -M 255.255.255.0
-a -f 5 -r 10.0.0.5:0 -g -w 2
-A -f 5 -6 -s wrr -o
-a -f 5 -6 -r [fd00::5]:0 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum
-A --sctp-service 10.96.0.9:3868 -s rr --pe sip
";

#[test]
fn services_servers_and_their_options() {
    let file = file("ipvsadm-save.txt", REAL);
    let all = clean(parse(&file));
    assert_eq!(all.len(), 6);
    assert_eq!(all[0].persistent, Some(10800));
    assert_eq!(all[0].servers[0].port, 6443);
    assert_eq!(all[0].servers[0].source.to_string(), "ipvsadm-save.txt:2");
    assert_eq!(all[1].servers.len(), 2);
    assert_eq!(all[1].servers[1].weight, 0);
    assert_eq!(all[1].servers[1].upper_threshold, 100);
    assert_eq!(all[2].flags, ["sh-fallback", "sh-port"]);
    assert_eq!(all[2].netmask, Some(64));
    assert_eq!(all[3].netmask, Some(24));
    assert_eq!(all[3].servers[0].forwarding, Forwarding::Direct);
    assert_eq!(all[5].persistence_engine.as_deref(), Some("sip"));
}

#[test]
fn equal_marks_of_both_families_are_two_services() {
    let file = file("ipvsadm-save.txt", REAL);
    let all = clean(parse(&file));
    assert_eq!(all[3].key, ServiceKey::Fwmark { mark: 5, v6: false });
    assert_eq!(all[4].key, ServiceKey::Fwmark { mark: 5, v6: true });
    assert!(all[4].one_packet);
    assert_eq!(all[4].servers[0].forwarding, Forwarding::Tunnel);
    assert_eq!(all[4].servers[0].tunnel.as_deref(), Some("gue"));
}

#[test]
fn bad_lines_are_problems_and_the_others_load() {
    let parsed = parse(&file(
        "ipvsadm-save.txt",
        "-A -t web:http -s rr\n-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.2:80 -r 10.0.0.3:80 -m\n-a -t 10.0.0.1:80 -r 10.0.0.3:80 -m -w -1\n-A -t 10.0.0.1:81 --quic\n",
    ));
    assert_eq!(parsed.value.len(), 1);
    assert_eq!(
        problems(&parsed),
        [
            "ipvsadm-save.txt:1: `web:http` is no address and port; run ipvsadm with `-n`",
            "ipvsadm-save.txt:3: a server of a service that has no line before",
            "ipvsadm-save.txt:4: `-1` is no value of `-w`",
            "ipvsadm-save.txt:5: `--quic` is no option of a service that is known here",
        ]
    );
}
