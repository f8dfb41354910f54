//! One packet against one set of each type.

use super::*;
use crate::evidence::ipset;
use crate::linux::netfilter::test_support::{context, file, packet};

const SETS: &str = "\
create ips hash:ip family inet hashsize 64 maxelem 1024
add ips 10.0.0.1
create masked hash:ip family inet netmask 24
add masked 10.0.0.0
create bits hash:ip family inet bitmask 255.255.0.255
add bits 10.1.0.3
create nets hash:net family inet
add nets 10.0.0.0/8
add nets 10.1.0.0/16 nomatch
add nets 10.1.2.0/24
create pairs hash:ip,port family inet
add pairs 10.0.0.1,tcp:80
add pairs 10.0.0.1,udp:53
add pairs 10.0.0.2,icmp:echo-request
create triples hash:ip,port,net family inet
add triples 10.0.0.1,tcp:80,192.0.2.0/24
add triples 10.0.0.1,tcp:80,192.0.2.128/25 nomatch
create netports hash:net,port family inet
add netports 10.0.0.0/24,tcp:80
create ifaces hash:net,iface family inet
add ifaces 0.0.0.0/0,eth0
add ifaces 10.0.0.0/8,veth wildcard
create nearest hash:net,iface family inet
add nearest 10.0.0.0/8,eth0
add nearest 10.1.0.0/16,eth9
add nearest 10.2.0.0/16,physdev:eth9
create twonets hash:net,net family inet
add twonets 10.0.0.0/8,192.0.2.0/24
add twonets 10.0.0.0/16,0.0.0.0/0 nomatch
create ports bitmap:port range 0-1024
add ports 80
create range bitmap:ip range 10.0.0.0-10.0.0.255
add range 10.0.0.7
create marks hash:ip,mark family inet markmask 0xff
add marks 10.0.0.1,0x00000005
create both list:set size 8
add both ports
add both nets
create six hash:net family inet6
add six 2001:db8::/32
create strange hash:wand
";

/// `set` asked about a TCP packet 10.0.0.1:40000 → `dst`:`dport`, in by eth0.
fn ask(set: &str, src: &str, to: &str) -> Tri {
    ask_with(set, src, to, false)
}

fn ask_with(name: &str, dimensions: &str, to: &str, return_nomatch: bool) -> Tri {
    let parsed = ipset::parse(&file("ipset-save.txt", SETS));
    assert_eq!(parsed.problems, []);
    let sets = IpSets::new(Some(parsed.value));
    let negated = name.starts_with('!');
    let wanted = SetMatch {
        name: crate::evidence::xtables::Term {
            negated,
            value: Arc::from(name.trim_start_matches('!')),
        },
        src: dimensions.split(',').map(|word| word == "src").collect(),
        return_nomatch,
        options: Vec::new(),
    };
    let rule = file("rules", "x");
    sets.matches(
        &wanted,
        &packet("10.0.0.1:40000", to),
        &context(),
        &Source::whole(&rule),
    )
}

#[test]
fn an_address_is_found_and_another_is_not() {
    assert_eq!(ask("ips", "src", "10.9.9.9:80"), Tri::Yes);
    assert_eq!(ask("ips", "dst", "10.9.9.9:80"), Tri::No);
    assert_eq!(ask("!ips", "dst", "10.9.9.9:80"), Tri::Yes);
}

#[test]
fn too_few_dimensions_never_match() {
    assert_eq!(ask("pairs", "dst", "10.0.0.1:80"), Tri::No);
    assert_eq!(ask("ips", "src,dst", "10.9.9.9:80"), Tri::Yes);
}

#[test]
fn masks_are_laid_on_the_packets_address() {
    assert_eq!(ask("masked", "dst", "10.0.0.200:80"), Tri::Yes);
    assert_eq!(ask("masked", "dst", "10.0.1.200:80"), Tri::No);
    assert_eq!(ask("bits", "dst", "10.1.77.3:80"), Tri::Yes);
    assert_eq!(ask("bits", "dst", "10.1.77.4:80"), Tri::No);
}

#[test]
fn the_most_specific_network_decides() {
    assert_eq!(ask("nets", "dst", "10.2.0.1:80"), Tri::Yes);
    assert_eq!(ask("nets", "dst", "10.1.0.1:80"), Tri::No);
    assert_eq!(ask("nets", "dst", "10.1.2.1:80"), Tri::Yes);
    assert_eq!(ask("nets", "dst", "11.0.0.1:80"), Tri::No);
}

#[test]
fn return_nomatch_finds_the_exceptions_only() {
    assert_eq!(ask_with("nets", "dst", "10.1.0.1:80", true), Tri::Yes);
    assert_eq!(ask_with("nets", "dst", "10.2.0.1:80", true), Tri::No);
    assert_eq!(ask_with("nets", "dst", "11.0.0.1:80", true), Tri::No);
    // Types that know no exceptions do not heed it.
    assert_eq!(ask_with("ips", "src", "10.9.9.9:80", true), Tri::Yes);
    assert_eq!(ask_with("both", "dst", "11.0.0.1:80", true), Tri::Yes);
}

#[test]
fn a_port_belongs_to_its_protocol() {
    assert_eq!(ask("pairs", "dst,dst", "10.0.0.1:80"), Tri::Yes);
    assert_eq!(ask("pairs", "dst,dst", "10.0.0.1:53"), Tri::No);
    assert_eq!(ask("pairs", "dst,src", "10.0.0.1:80"), Tri::No);
    assert_eq!(ask("pairs", "dst,dst", "udp 10.0.0.1:53"), Tri::Yes);
    assert_eq!(ask("pairs", "dst,dst", "icmp 10.0.0.2"), Tri::Yes);
    assert_eq!(ask("pairs", "dst,dst", "icmp 10.0.0.1"), Tri::No);
}

#[test]
fn a_net_in_the_third_place_is_most_specific_first_too() {
    assert_eq!(ask("triples", "src,dst,dst", "192.0.2.1:80"), Tri::Yes);
    assert_eq!(ask("triples", "src,dst,dst", "192.0.2.200:80"), Tri::No);
    assert_eq!(ask("netports", "src,dst", "192.0.2.1:80"), Tri::Yes);
    assert_eq!(ask("netports", "src,dst", "192.0.2.1:81"), Tri::No);
}

#[test]
fn of_two_nets_the_first_counts_first() {
    assert_eq!(ask("twonets", "src,dst", "192.0.2.1:80"), Tri::No);
    assert_eq!(ask("twonets", "dst,src", "192.0.2.1:80"), Tri::No);
}

#[test]
fn a_device_is_the_one_that_it_came_in_or_leaves_by() {
    assert_eq!(ask("ifaces", "dst,src", "192.0.2.1:80"), Tri::Yes);
    assert_eq!(ask("ifaces", "dst,dst", "192.0.2.1:80"), Tri::No);
    assert_eq!(ask("ifaces", "src,dst", "192.0.2.1:80"), Tri::Yes);
}

#[test]
fn a_nearer_network_of_another_device_hides_the_wider_ones() {
    assert_eq!(ask("nearest", "dst,src", "10.3.0.1:80"), Tri::Yes);
    assert_eq!(ask("nearest", "dst,src", "10.2.0.1:80"), Tri::Yes);
    assert_eq!(ask("nearest", "dst,src", "10.1.0.1:80"), Tri::No);
}

#[test]
fn bitmaps_and_marks() {
    assert_eq!(ask("ports", "dst", "192.0.2.1:80"), Tri::Yes);
    assert_eq!(ask("ports", "dst", "192.0.2.1:81"), Tri::No);
    assert_eq!(ask("ports", "dst", "sctp 192.0.2.1:80"), Tri::No);
    assert_eq!(ask("range", "dst", "10.0.0.7:1"), Tri::Yes);
    assert_eq!(ask("range", "dst", "10.0.0.8:1"), Tri::No);
    assert_eq!(ask("marks", "src,src", "10.0.0.8:1"), Tri::No);
}

#[test]
fn a_list_matches_if_one_of_its_sets_does() {
    assert_eq!(ask("both", "dst", "10.2.0.1:81"), Tri::Yes);
    assert_eq!(ask("both", "dst", "11.0.0.1:80"), Tri::Yes);
    assert_eq!(ask("both", "dst", "11.0.0.1:81"), Tri::No);
}

#[test]
fn the_other_family_never_matches() {
    assert_eq!(ask("six", "dst", "10.0.0.1:80"), Tri::No);
}

#[test]
fn what_is_not_captured_or_not_known_is_unknown() {
    assert!(matches!(
        ask("missing", "dst", "10.0.0.1:80"),
        Tri::Unknown(_)
    ));
    assert!(matches!(
        ask("strange", "dst", "10.0.0.1:80"),
        Tri::Unknown(_)
    ));
}
